import { once } from "node:events";
import { Explained, log, messageOf } from "./explained.ts";
import { type Follow, followers, type Transport } from "./follow.ts";

export interface ListenOptions {
  readonly url: string;
  readonly transport: Transport;
  readonly since?: string;
}

const longestPauseMs = 30_000;

/** Follows a stream and prints one frame a line, through every interruption, until the stream says that it is over. */
export function listenTo(stream: string, { url, transport, since }: ListenOptions): Promise<void> {
  const address = new URL(`${url}/${transport}/${stream.replace(/^\//, "")}`);
  return followStream(transport, { address, since, print });
}

/** Follows a stream through every interruption until it says that it is over. Throws Explained when it is refused. */
export async function followStream(transport: Transport, follow: Follow): Promise<void> {
  for (let failures = 0; ; ) {
    const before = follow.since;
    const end = await followers[transport](follow);
    if (end.kind === "over") return;
    if (end.kind === "refused") throw new Explained(`Refused: ${end.message}`);
    failures = follow.since === before ? failures + 1 : 0;
    const pauseMs = Math.min(1000 * 2 ** failures, longestPauseMs) * (0.5 + Math.random() / 2);
    log(`${end.message}; again in ${(pauseMs / 1000).toFixed(1)} s`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Prints a line, as fast as whoever reads takes it. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

/** A reader that closes early, like `head`, is no fault. */
process.stdout.on("error", (thrown: NodeJS.ErrnoException) => {
  if (thrown.code !== "EPIPE") log(messageOf(thrown));
  process.exit(thrown.code === "EPIPE" ? 0 : 1);
});
