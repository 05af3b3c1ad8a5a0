import { once } from "node:events";
import { Explained, messageOf } from "./explained.ts";
import { type Follow, followers } from "./follow.ts";

export interface ListenOptions {
  readonly url: string;
  readonly transport: "ws" | "sse" | "poll";
  readonly since?: string;
}

const longestPauseMs = 30_000;

/** Follows a stream and prints one frame a line, through every interruption, until the stream says that it is over. */
export async function listenTo(stream: string, { url, transport, since }: ListenOptions): Promise<void> {
  const address = new URL(`${url}/${transport}/${stream.replace(/^\//, "")}`);
  const progress: Follow = { address, since, print };
  for (let failures = 0; ; ) {
    const before = progress.since;
    const end = await followers[transport](progress);
    if (end.kind === "over") return;
    if (end.kind === "refused") throw new Explained(`Refused: ${end.message}`);
    failures = progress.since === before ? failures + 1 : 0;
    const pauseMs = Math.min(1000 * 2 ** failures, longestPauseMs) * (0.5 + Math.random() / 2);
    process.stderr.write(`skein: ${end.message}; again in ${(pauseMs / 1000).toFixed(1)} s\n`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function print(frame: string): Promise<void> {
  if (!process.stdout.write(`${frame}\n`)) await once(process.stdout, "drain");
}

/** A reader that closes early, like `head`, is no fault. */
process.stdout.on("error", (thrown: NodeJS.ErrnoException) => {
  if (thrown.code !== "EPIPE") process.stderr.write(`skein: ${messageOf(thrown)}\n`);
  process.exit(thrown.code === "EPIPE" ? 0 : 1);
});
