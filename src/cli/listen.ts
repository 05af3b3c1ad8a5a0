import { once } from "node:events";
import { Explained, log, messageOf } from "./explained.ts";
import type { End, Follow, Transport } from "./follow.ts";
import { overEvents, overPolls } from "./follow-http.ts";
import type { Gateway } from "./gateway.ts";

export interface ListenOptions {
  readonly gateway: Gateway;
  readonly transport: Transport;
  readonly since?: string;
}

const longestPauseMs = 30_000;

/** Follows a stream over each transport until the connection ends. Only who needs a WebSocket loads one. */
const followers: Record<Transport, (follow: Follow) => Promise<End>> = {
  ws: async (follow) => (await import("./follow-socket.ts")).overWebSocket(follow),
  sse: overEvents,
  poll: overPolls,
};

/** Follows a stream and prints one frame a line, through every interruption, until the stream says that it is over. */
export async function listenTo(stream: string, { gateway, transport, since }: ListenOptions): Promise<void> {
  if (/[?&]token=/.test(stream)) {
    throw new Explained("A token in an address is seen by everybody on this machine: give it by --token-file instead");
  }
  return followStream(transport, { gateway, stream, since, print });
}

/**
 * Follows a stream through every interruption until it says that it is over. A token is read from its file anew for each
 * connection.
 *
 * Throws Explained when it is refused.
 */
export async function followStream(transport: Transport, follow: Follow): Promise<void> {
  const { credential } = follow.gateway;
  for (let failures = 0; ; credential?.renew()) {
    const before = follow.since;
    const end = await followers[transport](follow);
    if (end.kind === "over") return;
    if (end.kind === "unknown" && credential?.renew()) {
      log(`${end.message}; going on with the new token in ${credential.file}`);
      continue;
    }
    if (end.kind !== "lost") throw new Explained(`Refused: ${end.message}`);
    failures = follow.since === before ? failures + 1 : 0;
    const pauseMs = pauseAfter(failures, end.retryAfterMs);
    log(`${end.message}; again in ${(pauseMs / 1000).toFixed(1)} s`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Longer with each failure in a row, or as long as was asked for; never the same for all. */
function pauseAfter(failures: number, askedMs: number | undefined): number {
  if (askedMs !== undefined) return askedMs * (1 + Math.random() / 4);
  return Math.min(1000 * 2 ** failures, longestPauseMs) * (0.5 + Math.random() / 2);
}

/** Prints a line, as fast as whoever reads takes it. */
export async function print(line: string): Promise<void> {
  watchOutput();
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

let isWatched = false;

/** A reader that closes early, like `head`, is no fault. */
function watchOutput(): void {
  if (isWatched) return;
  isWatched = true;
  process.stdout.on("error", (thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== "EPIPE") log(messageOf(thrown));
    process.exit(thrown.code === "EPIPE" ? 0 : 1);
  });
}
