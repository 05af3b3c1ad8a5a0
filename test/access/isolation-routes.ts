import type { Role } from "../../src/auth/principal.ts";

/** A name, and the ids that go with it. */
export interface Named {
  readonly name: string;
  readonly message: string;
  readonly connection: string;
}

/** A route that these tests know. */
export interface Route {
  /** The role that it needs; any when absent. */
  readonly role?: Role;
  /** How it answers somebody with all roles about what is there. */
  readonly mine: readonly number[];
  /** How it answers somebody without a token: `token_required` unless it says otherwise. */
  readonly nobody?: number;
  readonly path: (named: Named) => string;
  readonly body?: (named: Named) => object;
}

const instance = (rest = "") => ({ path: ({ name }: Named) => `/api/instances/${name}${rest}` });
const message = (rest = "") => ({ path: ({ message: id }: Named) => `/api/messages/${id}${rest}` });
const agent = ({ name }: Named) => ({ agent: name });
const fixed = (path: string) => ({ path: () => path });
const viewer = "viewer" as const;
const operator = "operator" as const;
const publisher = "publisher" as const;

/** Every route of a gateway, by its method and its path. */
export const routes: Readonly<Record<string, Route>> = {
  "GET /healthz": { mine: [200], nobody: 200, ...fixed("/healthz") },
  "GET /readyz": { mine: [200], nobody: 200, ...fixed("/readyz") },
  "GET /*": { mine: [200], nobody: 200, ...fixed("/") },
  "GET /session": { mine: [401], nobody: 401, ...fixed("/session?ticket=none") },
  "GET /ws/*": { mine: [426], nobody: 426, path: ({ name }) => `/ws/runs/${name}` },
  "GET /sse/*": { role: viewer, mine: [200], path: ({ name }) => `/sse/runs/${name}` },
  "GET /poll/*": { role: viewer, mine: [200], path: ({ name }) => `/poll/runs/${name}` },
  "GET /api/v1/web/live/*": { role: viewer, mine: [200], path: () => "/api/v1/web/live/agents" },
  // Only for those who run the gateway.
  "GET /metrics": { role: operator, mine: [403], ...fixed("/metrics") },
  "GET /api/gateway": { role: operator, mine: [200], ...fixed("/api/gateway") },
  "GET /api/streams": { mine: [200], ...fixed("/api/streams") },
  "GET /api/session": { mine: [200], ...fixed("/api/session") },
  "POST /api/session": { mine: [201], ...fixed("/api/session") },
  "DELETE /api/session": { mine: [204], nobody: 204, ...fixed("/api/session") },
  "POST /api/session/refresh": {
    mine: [200],
    ...fixed("/api/session/refresh"),
    body: ({ connection }) => ({ connection }),
  },
  "POST /api/tickets": { mine: [201], ...fixed("/api/tickets"), body: ({ name }) => ({ stream: `runs/${name}` }) },
  "POST /api/revocations": {
    role: operator,
    mine: [204],
    ...fixed("/api/revocations"),
    body: ({ name }) => ({ jti: name }),
  },
  "GET /api/instances/:name/logs": { role: viewer, mine: [200], ...instance("/logs") },
  "GET /api/instances/:name/logs/download": { role: viewer, mine: [200], ...instance("/logs/download") },
  "GET /api/instances": { role: viewer, mine: [200], ...fixed("/api/instances?include_archived=true") },
  "GET /api/instances/:name": { role: viewer, mine: [200], ...instance() },
  "POST /api/instances/:name/clone": {
    role: operator,
    mine: [201],
    ...instance("/clone"),
    body: () => ({ as: "copy" }),
  },
  "POST /api/instances/:name/start": { role: operator, mine: [202], ...instance("/start") },
  "POST /api/instances/:name/stop": { role: operator, mine: [202], ...instance("/stop") },
  "POST /api/instances/:name/restart": { role: operator, mine: [202], ...instance("/restart") },
  "POST /api/instances/:name/archive": { role: operator, mine: [202], ...instance("/archive") },
  "POST /api/instances/:name/unarchive": { role: operator, mine: [202], ...instance("/unarchive") },
  "DELETE /api/instances/:name": { role: operator, mine: [204], ...instance("?force=true") },
  // The name is taken.
  "POST /api/instances": {
    role: operator,
    mine: [409],
    ...fixed("/api/instances"),
    body: ({ name }) => ({ name, template: "echo" }),
  },
  "GET /api/templates": { role: viewer, mine: [200], ...fixed("/api/templates") },
  "GET /api/nodes": { role: viewer, mine: [200], ...fixed("/api/nodes") },
  "GET /api/inbox/:agent": { role: publisher, mine: [200], path: ({ name }) => `/api/inbox/${name}` },
  "GET /api/messages/:id": { role: viewer, mine: [200], ...message() },
  // Once it is acknowledged it stays so.
  "POST /api/messages/:id/ack": { role: publisher, mine: [200, 409], ...message("/ack"), body: agent },
  "POST /api/messages/:id/fail": { role: publisher, mine: [409], ...message("/fail"), body: agent },
  "POST /api/messages": {
    role: publisher,
    mine: [201],
    ...fixed("/api/messages"),
    body: ({ name }) => ({ from: name, to: name, message_type: "t", payload: null }),
  },
  "POST /api/publish/:tail{.+}": {
    role: publisher,
    mine: [201],
    path: ({ name }) => `/api/publish/runs/${name}`,
    body: () => ({ type: "boot", crew_id: "c1" }),
  },
  "DELETE /api/publish/:tail{.+}": {
    role: publisher,
    mine: [200],
    path: ({ name }) => `/api/publish/swarm/agents/${name}`,
  },
};

/** What stands before routes and is none itself. */
export const doorkeepers: ReadonlySet<string> = new Set(["ALL /*", "ALL /api/*", "ALL /metrics", "ALL /session"]);

/** An answer without what differs between any two: times, random ids, positions, and the name that was asked for. */
export function bare(bytes: string, { name, message: id, connection }: Named): string {
  return (
    bytes
      .replace(/^date\n.*\n/im, "")
      .replace(/^skein-connection\n.*\n/im, "")
      .replaceAll(name, "NAME")
      .replaceAll(id, "ID")
      .replaceAll(connection, "CONNECTION")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(/"(ticket|message_id)":"[^"]*"/g, '"$1":""')
      .replaceAll(/\/api\/messages\/[\w-]+/g, "/api/messages/ID")
      .replaceAll(/"position":\d+/g, '"position":0')
      // What a gateway counts of an org goes on while it is asked; test/api/gateway.test.ts has more to say of it.
      .replace(/content-length\n.*\n(.*"connections":\{"ws":).*/s, "$1")
  );
}
