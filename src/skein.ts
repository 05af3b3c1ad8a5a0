import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type { HttpBindings } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { healthRoutes } from "./api/health.ts";
import { type InstanceParts, instanceRoutes } from "./api/instances.ts";
import { logRoutes } from "./api/logs.ts";
import { mailRoutes } from "./api/mail.ts";
import { nodeRoutes } from "./api/nodes.ts";
import { publishRoutes } from "./api/publish.ts";
import { streamRoutes } from "./api/streams.ts";
import { openPrincipal, type Principal } from "./auth/principal.ts";
import type { Bus } from "./bus/bus.ts";
import { Fleet } from "./fleet/fleet.ts";
import { Hub } from "./hub/hub.ts";
import type { HubLimits } from "./hub/source.ts";
import type { MailLimits } from "./mail/duty.ts";
import { Mail } from "./mail/mail.ts";
import { metricsOf } from "./metrics/metrics.ts";
import { type Clock, systemClock } from "./protocol/clock.ts";
import { type End, ends } from "./protocol/end.ts";
import { Failure } from "./protocol/failure.ts";
import type { Definition } from "./stream/define.ts";
import { journalOf } from "./stream/subject.ts";
import { productStreams } from "./streams/all.ts";
import { messages } from "./streams/messages.ts";
import { Gate, type Request } from "./transport/admit.ts";
import { Polls } from "./transport/poll.ts";
import { EventStreams } from "./transport/sse.ts";
import { WebSockets } from "./transport/ws.ts";

/** What a gateway is made of. */
export interface SkeinOptions {
  readonly bus: Bus;
  readonly limits: Limits;
  /** The streams to serve; the product's own when not given. */
  readonly streams?: readonly Definition[];
  /** The time; this machine's when not given. */
  readonly clock?: Clock;
  /** A number from 0 to 1; Math.random when not given. */
  readonly random?: () => number;
  /** Hears of every defect of ours that a client was told of as `internal`; console.error when not given. */
  readonly report?: (fault: unknown) => void;
}

/** Every limit of a gateway; the defaults are the configuration's. */
export interface Limits extends HubLimits, MailLimits {
  readonly pingEveryMs: number;
  readonly idleAfterMs: number;
  readonly retryMs: number;
  readonly pollWaitMaxMs: number;
  readonly maxMessageBytes: number;
  readonly maxBodyBytes: number;
  readonly maxPayloadBytes: number;
}

/** A gateway: one Hono app for HTTP and one upgrade handler for WebSocket, over one bus. */
export interface Skein {
  readonly app: Hono<{ Bindings: HttpBindings }>;
  /** For `server.on("upgrade", …)`. */
  readonly upgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Opens the streams on the bus. Throws when the bus has them in another shape. */
  start(): Promise<void>;
  /** Refuses newcomers, ends every connection within `drainMs`, evenly spread, and stops reading. The bus stays open. */
  close(drainMs: number): Promise<void>;
}

/** Makes a gateway. */
export function createSkein(options: SkeinOptions): Skein {
  const { bus, limits, streams: definitions = productStreams } = options;
  const { clock = systemClock, random = Math.random, report = console.error } = options;
  let isClosing = false;
  const hub = new Hub(definitions, { bus, clock, limits, report, gateway: crypto.randomUUID() });
  const fleet = new Fleet({ bus, clock, report });
  const mail = new Mail({ bus, clock, random, limits, report, journal: journalOf(messages) });
  const rooms = [hub, ...(definitions.some(isFleet) ? [fleet] : []), ...(definitions.includes(messages) ? [mail] : [])];
  const gate = new Gate({ definitions, hub, identify, isClosing: () => isClosing });
  const sockets = new WebSockets({ gate, clock, limits, report });
  const events = new EventStreams({ gate, clock, random, limits, report });
  const polls = new Polls({ gate, clock, limits });
  const open = { ws: sockets.connections, sse: events.connections, poll: polls.connections, inbox: mail.inbox.waiting };
  const metrics = metricsOf(readingsOf({ hub, bus, open }));
  const isReady = () => hub.isReady && !isClosing;
  const parts = { definitions, hub, fleet, mail, events, polls, metrics, isReady };
  return {
    app: routes({ options: { ...options, clock, report }, ...parts }),
    upgrade: (incoming, socket, head) => sockets.upgrade(incoming, socket, head),
    async start() {
      for (const room of rooms) await room.start();
    },
    async close(drainMs) {
      isClosing = true;
      await drain(
        Object.values(open).flatMap((set) => [...set]),
        { clock, random, drainMs },
      );
      sockets.close();
      events.close();
      for (const room of rooms.toReversed()) await room.close();
    },
  };
}

/** In mode `open` everyone is the same principal. */
function identify(): Principal {
  return openPrincipal;
}

interface Parts {
  readonly options: SkeinOptions & Required<Pick<SkeinOptions, "clock" | "report">>;
  readonly definitions: readonly Definition[];
  readonly hub: Hub;
  readonly fleet: Fleet;
  readonly mail: Mail;
  readonly events: EventStreams;
  readonly polls: Polls;
  readonly metrics: Parameters<typeof healthRoutes>[0]["metrics"];
  readonly isReady: () => boolean;
}

function routes({ options, definitions, hub, fleet, mail, events, polls, metrics, isReady }: Parts): Skein["app"] {
  const { bus, limits, clock, report } = options;
  const { maxBodyBytes } = limits;
  return new Hono<{ Bindings: HttpBindings }>()
    .route("/", healthRoutes({ isReady, metrics }))
    .route("/api/streams", streamRoutes(definitions))
    .route("/api/instances", logRoutes({ bus, hub, definitions, identify }))
    .route("/api", fleetRoutes({ fleet, definitions, identify, maxBodyBytes }))
    .route("/api", definitions.includes(messages) ? mailRoutes({ mail, limits, identify }) : new Hono())
    .route("/api/publish", publishRoutes({ bus, definitions, identify, now: () => clock.now(), maxBodyBytes }))
    .get("/ws/*", () => {
      throw new Failure("upgrade_required", "This address is for WebSocket; the same stream is under /sse/ and /poll/");
    })
    .get("/sse/*", async ({ req, env }) => {
      await events.serve(requestBelow("/sse/", req.raw), env.incoming, env.outgoing);
      return RESPONSE_ALREADY_SENT;
    })
    .get("/poll/*", ({ req }) => polls.serve(requestBelow("/poll/", req.raw), req.raw.signal))
    .get("/*", serveStatic({ root: fileURLToPath(new URL("./dashboard", import.meta.url)) }))
    .notFound(({ req }) => refusal(new Failure("not_found", `Nothing is at "${req.path}"`)))
    .onError((thrown) => {
      const failure = Failure.from(thrown);
      if (failure.cause !== undefined) report(failure.cause);
      return refusal(failure);
    });
}

/** The routes of the fleet; none where its table is not among the streams. */
function fleetRoutes({ definitions, ...parts }: InstanceParts & Pick<Parts, "definitions">): Hono {
  const routes = new Hono();
  return definitions.some(isFleet)
    ? routes.route("/instances", instanceRoutes(parts)).route("/", nodeRoutes(parts))
    : routes;
}

function isFleet({ kind, subject }: Definition): boolean {
  return kind === "table" && subject === "instances.:name";
}

function requestBelow(prefix: string, { url, headers }: globalThis.Request): Request {
  const { pathname, searchParams } = new URL(url);
  return { path: pathname.slice(prefix.length), search: searchParams, headers };
}

/** A refusal as an HTTP answer: the error frame as its body. */
function refusal(failure: Failure): Response {
  const headers = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" };
  return new Response(failure.frame.json, { status: failure.status, headers });
}

interface Closable {
  end(end: End): void;
}

/** Ends every connection, each at a random moment of the drain time, so that their clients do not come back all at once. */
async function drain(connections: readonly Closable[], { clock, random, drainMs }: Drain): Promise<void> {
  if (drainMs === 0) {
    for (const connection of connections) connection.end(ends.goingAway);
    return;
  }
  const endings = connections.map((connection) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(random() * drainMs, () => {
      connection.end(ends.goingAway);
      resolve();
    });
    return promise;
  });
  await Promise.all(endings);
}

interface Drain {
  readonly clock: Clock;
  readonly random: () => number;
  readonly drainMs: number;
}

interface Observed {
  readonly hub: Hub;
  readonly bus: Bus;
  readonly open: Readonly<Record<string, ReadonlySet<unknown>>>;
}

function readingsOf({ hub: { tally }, bus, open }: Observed): Parameters<typeof metricsOf>[0] {
  return {
    connections: () => Object.fromEntries(Object.entries(open).map(([transport, { size }]) => [transport, size])),
    delivered: () => tally.delivered,
    lagged: () => tally.lagged,
    stuck: () => tally.stuck,
    resumes: () => tally.resumes,
    rejected: () => tally.rejected,
    isBusUp: () => bus.state === "up",
  };
}
