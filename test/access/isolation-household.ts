import type { Bus } from "../../src/bus/bus.ts";
import type { LogsAgent } from "../../src/logs/agent.ts";
import type { Stop } from "../../src/protocol/clock.ts";
import {
  type CommandRequest,
  heartbeatSubject,
  instancesTable,
  managedSubject,
  supervisorSubject,
} from "../../src/protocol/instance.ts";
import type { SourcedDefinition } from "../../src/stream/define.ts";
import type { LogDirectory } from "../support/logs.ts";

const node = "node-1";

interface Parts {
  readonly bus: Bus;
  readonly directory: LogDirectory;
  readonly agent: LogsAgent;
}

/** Where an org publishes, and as whom. */
export interface Outlet {
  readonly url: string;
  readonly token: string;
}

/** What an org has: a logs agent, a node that takes commands, and something in every stream. */
export class Household {
  /** The commands that its node was given. */
  readonly heard: CommandRequest[] = [];
  readonly #org: string;
  readonly #parts: Parts;
  readonly #stops: Stop[];

  constructor(org: string, parts: Parts) {
    this.#org = org;
    this.#parts = parts;
    this.#stops = [parts.bus.reply(supervisorSubject(org, node), async ({ data }) => this.#take(data))];
  }

  /** Lets the node be heard of, with a template whose description is `mark`. */
  beat(mark: string): void {
    const templates = [{ name: "echo", description: mark, params: { word: mark } }];
    const body = Buffer.from(JSON.stringify({ node, templates }));
    const beat = () => this.#parts.bus.publish(heartbeatSubject(this.#org, node), body);
    const timer = setInterval(beat, 500);
    this.#stops.push(() => clearInterval(timer));
    beat();
  }

  /** Puts text into every stream, under the name `name` and in the crew `crew`; gives the id of the message. */
  async fill(outlet: Outlet, filling: Filling): Promise<string> {
    const { name, text } = filling;
    this.#parts.directory.append(name, `${text} in the log`);
    const table = await this.#parts.bus.table(instancesTable);
    await table.put(managedSubject(this.#org, name), Buffer.from(JSON.stringify(recordOf(filling))));
    return this.#publishEvents(outlet, filling);
  }

  /** The same as a service does it: without a log, and with a row that no node owns. */
  async publish(outlet: Outlet, filling: Filling): Promise<string> {
    await say(outlet, `publish/instances/${filling.name}`, recordOf(filling));
    return this.#publishEvents(outlet, filling);
  }

  async #publishEvents(outlet: Outlet, { name, crew, text }: Filling): Promise<string> {
    // What is hidden from some is a part of what all may ask for.
    const subject = name === "hidden" ? "shared" : name;
    await say(outlet, `publish/runs/${subject}`, { type: "task_start", crew_id: crew, text });
    await say(outlet, `publish/plans/${subject}`, { crew_id: crew, text });
    await say(outlet, `publish/desks/${crew}/${name}`, { text });
    await say(outlet, `publish/mission/${crew}`, { status: "busy", note: text });
    await say(outlet, `publish/graph/${crew}`, { type: "tool_start", tool: text });
    await say(outlet, `publish/tasks/${name}`, { type: "task_update", task_id: text, data: { progress: 1 } });
    // What has no name is hidden from nobody of the org.
    if (name !== "hidden") await this.#publishNameless(outlet, encodeURIComponent(text), text);
    const letter = { from: name, to: name, message_type: text, payload: { text } };
    const { message_id } = await say(outlet, "messages", letter, text);
    return String(message_id);
  }

  async #publishNameless(outlet: Outlet, id: string, status: string): Promise<void> {
    await say(outlet, `publish/attacks/${id}`, { type: "attack.progress", progress: 1 });
    await say(outlet, `publish/agents/${id}`, { type: "agent.heartbeat" });
    await say(outlet, `publish/cracks/${id}`, { type: "crack.submitted" });
    await say(outlet, "publish/swarm/agents/shared", { status });
  }

  /** Lets its logs be followed. */
  async open(): Promise<void> {
    await this.#parts.agent.start();
  }

  async leave(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await this.#parts.agent.close();
    this.#parts.directory[Symbol.dispose]();
  }

  #take(data: Uint8Array): Uint8Array {
    const request: CommandRequest = JSON.parse(Buffer.from(data).toString());
    this.heard.push(request);
    const instance = { ...plainRecord, name: request.as ?? request.name, node, note: this.#org };
    return Buffer.from(JSON.stringify({ instance, duplicate: false }));
  }
}

interface Filling {
  readonly name: string;
  readonly crew: string;
  readonly text: string;
}

/** What `fill` fills; another stream needs something in it before it can be tried. */
const filled: ReadonlySet<string> = new Set([
  ...["instances", "logs", "runs", "plans", "desks", "messages"],
  ...["mission", "graph", "tasks", "attacks_jobs", "agents", "cracks", "swarm"],
]);

/** Throws when a stream has nothing in it. */
export function requireFilled({ path, store }: SourcedDefinition): void {
  if (!filled.has(store)) throw new Error(`Stream ${path}: these tests must put something into it`);
}

const plainRecord = {
  status: "running",
  port: null,
  pid: null,
  archived_at: null,
  template: "echo",
  params: {},
  created_at: "2026-02-20T01:23:45Z",
  exit_code: null,
  restarts: 0,
};

function recordOf({ name, text }: Filling): object {
  return { ...plainRecord, name, node, note: text };
}

/** Says something through a gateway and gives the answer. Throws it when that is a refusal. */
async function say({ url, token }: Outlet, path: string, body: object, key?: string): Promise<{ message_id?: string }> {
  const headers = { authorization: `Bearer ${token}`, ...(key !== undefined && { "idempotency-key": key }) };
  const answer = await fetch(`${url}/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
