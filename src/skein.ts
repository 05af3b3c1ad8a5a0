import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Hono } from "hono";
import type { Admitted } from "./api/entrance.ts";
import { addressIn, appOf, isFleet } from "./app.ts";
import { Auth, type AuthOptions, openAuth } from "./auth/auth.ts";
import type { Guard } from "./auth/guard.ts";
import type { Leases } from "./auth/leases.ts";
import type { Bus } from "./bus/bus.ts";
import { Fleet } from "./fleet/fleet.ts";
import { Hub } from "./hub/hub.ts";
import type { HubLimits } from "./hub/source.ts";
import { Tally } from "./hub/tally.ts";
import { type CountName, type Quota, Quotas, type RateName } from "./limits/quotas.ts";
import type { SocketQuota } from "./limits/sockets.ts";
import type { MailLimits } from "./mail/duty.ts";
import { Mail } from "./mail/mail.ts";
import { Attendance } from "./metrics/attendance.ts";
import { metricsOf } from "./metrics/metrics.ts";
import { isolatedClock, type Report } from "./protocol/background.ts";
import { type Clock, systemClock } from "./protocol/clock.ts";
import { type End, ends } from "./protocol/end.ts";
import { Exceptions } from "./protocol/exceptions.ts";
import type { Definition } from "./stream/define.ts";
import { withRooms } from "./stream/rooms.ts";
import { journalOf } from "./stream/subject.ts";
import { productStreams } from "./streams/all.ts";
import { messages } from "./streams/messages.ts";
import { ToolWatch, type WatchParts } from "./tools/watch.ts";
import { Gate } from "./transport/admit.ts";
import { Polls } from "./transport/poll.ts";
import { EventStreams } from "./transport/sse.ts";
import { WebSockets } from "./transport/ws.ts";

/** What a gateway is made of. */
export interface SkeinOptions {
  readonly bus: Bus;
  readonly limits: Limits;
  /** How it knows who asks; everybody may do everything when not given. */
  readonly auth?: AuthOptions;
  /** How much anybody may have; as much as they like when not given. */
  readonly quotas?: Readonly<Record<RateName | CountName, Quota>>;
  /** The streams to serve; the product's own when not given. */
  readonly streams?: readonly Definition[];
  /** The time; this machine's when not given. */
  readonly clock?: Clock;
  /** A number from 0 to 1; Math.random when not given. */
  readonly random?: () => number;
  /** Hears of every defect of ours that a client was told of as `internal`; console.error when not given. */
  readonly report?: (fault: unknown) => void;
  /** Counts the exceptions of this process for `/metrics`, the bus' own included; those of the gateway alone when not given. */
  readonly exceptions?: Exceptions;
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
  readonly app: Hono<Admitted>;
  /** For `server.on("upgrade", …)`. */
  readonly upgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Opens the streams on the bus. Throws when the bus has them in another shape. */
  start(): Promise<void>;
  /** How many sockets one address may hold, for whoever listens: twice as many as connections, a trusted proxy any number. */
  readonly perAddress: SocketQuota | undefined;
  /** Takes an exception that no request can answer for: reports and counts it. */
  readonly report: Report;
  /** Counts a socket that was refused for that. */
  readonly countRefusedSocket: () => void;
  /** The ticket of a one-time link for whoever has started it; undefined where there is none. Throws `bus_away`. */
  link(): Promise<string | undefined>;
  /** Refuses newcomers, ends every connection within `drainMs`, evenly spread, and stops reading. The bus stays open. */
  close(drainMs: number): Promise<void>;
}

const noLimit: Quota = { principal: 0, address: 0, org: 0 };

const noLimits: NonNullable<SkeinOptions["quotas"]> = {
  connections: noLimit,
  connects: noLimit,
  subscriptions: noLimit,
  subscribes: noLimit,
  messages: noLimit,
  reads: noLimit,
  readBytes: noLimit,
  publishes: noLimit,
  publishBytes: noLimit,
};

/** How long something takes is measured by a time that nobody sets. */
const stopwatch = () => performance.now();

/** Makes a gateway. Throws an Error that says which option cannot be used. */
export function createSkein(given: SkeinOptions): Skein {
  const { bus, limits, streams = productStreams } = given;
  const definitions = withRooms(streams);
  const { auth: options = openAuth, quotas: allowed = noLimits, random = Math.random } = given;
  const { hear, exceptions, report, clock } = handlersOf(given);
  let isClosing = false;
  const gateway = crypto.randomUUID();
  const auth = new Auth(options, { bus, clock, gateway, report, warn: hear });
  const quotas = new Quotas({ clock, quotas: allowed });
  const hub = new Hub(definitions, { bus, clock, limits, report, gateway, stopwatch });
  const attendance = new Attendance(() => clock.now());
  const fleet = new Fleet({ bus, clock, report, warn: hear });
  const mail = new Mail({ bus, clock, random, limits, report, journal: journalOf(messages) });
  const optional = [...(definitions.some(isFleet) ? [fleet] : []), ...(definitions.includes(messages) ? [mail] : [])];
  const rooms = [auth, hub, ...optional, ...watchesOf(definitions, { bus, clock, random, report })];
  const gate = new Gate({ ...auth, definitions, hub, quotas, isClosing: () => isClosing });
  const { leases, guard } = auth;
  const { sockets, events, polls } = waysOut({ gate, leases, guard, attendance, clock, random, limits, report }, auth);
  const open = { ws: sockets.connections, sse: events.connections, poll: polls.connections, inbox: mail.inbox.waiting };
  const isReady = () => hub.isReady && auth.isReady && !isClosing;
  const parts = { bus, clock, report, limits, definitions, options, auth, quotas, hub, fleet, mail, events, polls };
  const served = { ...parts, attendance, startedMs: clock.now() };
  return {
    app: appOf({ ...served, metrics: metricsOf(readingsOf({ hub, bus, quotas, open, exceptions })), isReady }),
    upgrade: (incoming, socket, head) => sockets.upgrade(incoming, socket, head),
    report,
    perAddress: socketsOf(allowed, auth),
    countRefusedSocket: () => quotas.countRefusal("sockets address"),
    link: () => auth.sessions.link(),
    start: () => startAll(rooms),
    async close(drainMs) {
      isClosing = true;
      const connections = Object.values(open).flatMap((set) => [...set]);
      await drain(connections, { clock, random, drainMs });
      for (const way of [sockets, events]) way.close();
      for (const room of rooms.toReversed()) await room.close();
    },
  };
}

/** What takes exceptions, and the clock whose timers have it for a handler. */
function handlersOf({ clock = systemClock, report: hear = console.error, ...rest }: SkeinOptions) {
  const { exceptions = new Exceptions(hear) } = rest;
  return { hear, exceptions, report: exceptions.take, clock: isolatedClock(clock, exceptions.take) };
}

async function startAll(rooms: readonly { start(): void | Promise<void> }[]): Promise<void> {
  for (const room of rooms) await room.start();
}

/** Whoever serves the journal of tools ends those whose processes have died. */
function watchesOf(definitions: readonly Definition[], parts: Omit<WatchParts, "journal">): ToolWatch[] {
  return definitions.flatMap((one) =>
    one.kind === "feed" && one.store === "graph" ? [new ToolWatch({ ...parts, journal: journalOf(one) })] : [],
  );
}

interface TransportParts {
  readonly gate: Gate;
  readonly leases: Leases;
  readonly guard: Guard;
  readonly attendance: Attendance;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Limits;
  readonly report: (fault: unknown) => void;
}

/** The three transports. */
function waysOut(parts: TransportParts, auth: Auth) {
  return {
    sockets: new WebSockets({ ...parts, addressOf: addressIn(auth) }),
    events: new EventStreams(parts),
    polls: new Polls(parts),
  };
}

/** How many sockets one address may hold: beside its connections it has requests, and sockets that wait for the next one. */
function socketsOf({ connections: { address } }: typeof noLimits, { peers }: Auth): SocketQuota | undefined {
  return address === 0 ? undefined : { most: 2 * address, keyOf: (remote) => peers.socketKey(remote) };
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
  readonly quotas: Quotas;
  readonly open: Readonly<Record<string, ReadonlySet<unknown>>>;
  readonly exceptions: Exceptions;
}

function readingsOf({ hub, bus, quotas, open, exceptions }: Observed): Parameters<typeof metricsOf>[0] {
  const { tallies } = hub;
  const counts = () => Tally.sum(tallies.all);
  return {
    connections: () => Object.fromEntries(Object.entries(open).map(([transport, { size }]) => [transport, size])),
    delivered: () => counts().delivered,
    lagged: () => counts().lagged,
    stuck: () => counts().stuck,
    resumes: () => counts().resumes,
    rejected: () => counts().rejected,
    refused: () => quotas.refused,
    exceptions: () => exceptions.count,
    isBusUp: () => bus.state === "up",
  };
}
