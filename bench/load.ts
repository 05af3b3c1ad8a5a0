/** A load-client process: opens its share of the connections, counts what arrives, and answers the bench over IPC. */
import { Clock } from "./clock.ts";
import { type Dialect, type Room, Subscriber } from "./subscriber.ts";
import { Tally } from "./tally.ts";

/** What a load process is asked to do. */
export interface Assignment {
  readonly dialect: Dialect;
  readonly clients: number;
  /** Frames that will be published in all, warm-up included. */
  readonly total: number;
  /** How many of the first frames are warm-up. */
  readonly warm: number;
  readonly origin: bigint;
}

/** What the bench says to a load process. */
export type Call = { readonly kind: "open"; readonly assignment: Assignment } | { readonly kind: "report" };

/** What a load process says to the bench. */
export type Answer =
  | { readonly kind: "opened" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "progress"; readonly deliveries: number; readonly complete: number }
  | { readonly kind: "report"; readonly report: LoadReport };

/** What a load process counted: sums over its clients. */
export interface LoadReport {
  readonly latency: Uint32Array;
  readonly deliveries: number;
  readonly lastAtUs: number;
  readonly closed: number;
  readonly reason: string;
  /** Frames that clients did not get although they got a later one and were never told that they lagged. */
  readonly gaps: number;
  /** The same of clients that were told. */
  readonly skipped: number;
  /** Frames after the newest one of each client. */
  readonly behind: number;
  readonly duplicates: number;
  readonly misordered: number;
  readonly lagged: number;
  readonly replayed: number;
}

const openAtOnce = 40;
const landing = 64 * 1024;
const slabBytes = landing + 256 * 1024;
const progressEveryMs = 100;

const subscribers: Subscriber[] = [];
let tally = new Tally(0, 0);

function say(answer: Answer): void {
  process.send?.(answer);
}

async function open({ dialect, clients, total, warm, origin }: Assignment): Promise<void> {
  tally = new Tally(total, warm);
  const room: Room = { slab: Buffer.allocUnsafeSlow(slabBytes), landing, clock: new Clock(origin), tally };
  while (subscribers.length < clients) {
    const count = Math.min(openAtOnce, clients - subscribers.length);
    const batch = Array.from({ length: count }, () => new Subscriber(dialect, room));
    subscribers.push(...batch);
    await Promise.all(batch.map(({ opened }) => opened));
  }
  say({ kind: "opened" });
  announceProgress();
}

/** Says every tenth of a second how far the clients are, and at once when all of them have the last frame. */
function announceProgress(): void {
  let said = -1;
  setInterval(() => {
    if (tally.deliveries === said) return;
    said = tally.deliveries;
    say({ kind: "progress", deliveries: said, complete: tally.complete });
  }, progressEveryMs);
}

function report(): LoadReport {
  for (const subscriber of subscribers) subscriber.close();
  const orders = subscribers.map(({ order }) => order);
  const sum = (of: (order: Subscriber["order"]) => number) => orders.reduce((total, order) => total + of(order), 0);
  return {
    latency: tally.latency.counts,
    deliveries: tally.deliveries,
    lastAtUs: tally.lastAtUs,
    closed: tally.closed,
    reason: tally.reason,
    gaps: sum(({ lagged, gaps }) => (lagged > 0 ? 0 : gaps)),
    skipped: sum(({ lagged, gaps }) => (lagged > 0 ? gaps : 0)),
    behind: sum(({ behind }) => behind),
    duplicates: sum(({ duplicates }) => duplicates),
    misordered: sum(({ misordered }) => misordered),
    lagged: sum(({ lagged }) => lagged),
    replayed: sum(({ replayed }) => replayed),
  };
}

process.on("message", (call: Call) => {
  if (call.kind === "report") return say({ kind: "report", report: report() });
  open(call.assignment).catch((error: Error) => say({ kind: "refused", reason: error.message }));
});
process.on("disconnect", () => process.exit());
