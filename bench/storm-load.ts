/** The clients of a reconnect storm: all on one server, each with the client library of that server. Answers the bench over IPC. */
import { io } from "socket.io-client";
import { connect } from "../src/client/index.ts";

/** What the bench says. */
export type StormCall =
  | { readonly kind: "open"; readonly server: "skein" | "socketio"; readonly url: string; readonly clients: number }
  /** The server is gone: what comes from here on comes from the next one. */
  | { readonly kind: "gone" }
  /** To be answered when everybody has come back, or after a while. */
  | { readonly kind: "back" }
  /** Everything up to that number was published. */
  | { readonly kind: "report"; readonly last: number };

/** What the clients answer. */
export type StormAnswer =
  | { readonly kind: "opened" }
  | { readonly kind: "noted" }
  | { readonly kind: "back" }
  | { readonly kind: "report"; readonly report: StormReport };

export interface StormReport {
  /** When each client that came back had its first frame, in milliseconds since 1970. */
  readonly backAtMs: readonly number[];
  /** Frames that a client did not get although it had an earlier one. */
  readonly lost: number;
  readonly duplicates: number;
}

/** How many connections are opened at once. */
const openAtOnce = 50;
/** How long somebody may take to come back, and the last frame to come. */
const graceMs = 60_000;

/** What one client has had. */
class Reader {
  readonly #seen = new Set<number>();
  #first = Number.POSITIVE_INFINITY;
  duplicates = 0;
  backAtMs: number | undefined;
  #isAway = false;
  #arrived: () => void = () => {};
  /** Settles with the first frame. */
  readonly opened = new Promise<void>((resolve) => {
    this.#arrived = resolve;
  });

  away(): void {
    this.#isAway = true;
  }

  read(n: number): void {
    this.#arrived();
    if (this.#isAway) {
      this.#isAway = false;
      this.backAtMs = Date.now();
    }
    if (this.#seen.has(n)) this.duplicates += 1;
    this.#seen.add(n);
    this.#first = Math.min(this.#first, n);
  }

  has(n: number): boolean {
    return this.#seen.has(n);
  }

  lost(last: number): number {
    return last - this.#first + 1 - this.#seen.size;
  }
}

const readers: Reader[] = [];

const followers = {
  skein(url: string, reader: Reader) {
    const run = connect(url).stream("runs/storm", { keep: 1 });
    run.onFrame((frame) => "n" in frame && reader.read(Number(frame.n)));
  },
  socketio(url: string, reader: Reader) {
    // Each has its own connection, as in a page of its own.
    const socket = io(url, { transports: ["websocket"], forceNew: true });
    socket.on("frame", ({ n }: { readonly n: number }) => reader.read(n));
  },
};

async function open({ server, url, clients }: Extract<StormCall, { kind: "open" }>): Promise<void> {
  while (readers.length < clients) {
    const batch = Array.from({ length: Math.min(openAtOnce, clients - readers.length) }, () => new Reader());
    readers.push(...batch);
    for (const reader of batch) followers[server](url, reader);
    await Promise.all(batch.map(({ opened }) => opened));
  }
}

async function all(isDone: (reader: Reader) => boolean): Promise<void> {
  const until = Date.now() + graceMs;
  while (Date.now() < until && !readers.every(isDone)) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function report(last: number): Promise<StormReport> {
  await all((reader) => reader.has(last));
  return {
    backAtMs: readers.flatMap(({ backAtMs }) => (backAtMs === undefined ? [] : [backAtMs])),
    lost: readers.reduce((sum, reader) => sum + reader.lost(last), 0),
    duplicates: readers.reduce((sum, reader) => sum + reader.duplicates, 0),
  };
}

function say(answer: StormAnswer): void {
  process.send?.(answer);
}

process.on("message", async (call: StormCall) => {
  if (call.kind === "open") {
    await open(call);
    say({ kind: "opened" });
  } else if (call.kind === "gone") {
    for (const reader of readers) reader.away();
    say({ kind: "noted" });
  } else if (call.kind === "back") {
    await all(({ backAtMs }) => backAtMs !== undefined);
    say({ kind: "back" });
  } else {
    say({ kind: "report", report: await report(call.last) });
  }
});
process.on("disconnect", () => process.exit());
