import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { type Client, follow, type Seen } from "../support/client.ts";
import { compiled, main, type Run, tie } from "../support/process.ts";
import { type EnforcedGateway, startEnforced } from "./enforced.ts";

/** A gateway, and commands that tell it of what they run. */
export interface Production extends AsyncDisposable {
  readonly gateway: EnforcedGateway;
  /** What a command of ours needs to be heard. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs `skein …` to its end. */
  said: EnforcedGateway["said"];
  start(args: readonly string[]): Run;
  /** The tool events of a crew, from now on. */
  graph(crew: string): Promise<Client>;
}

export async function startProduction(args: readonly string[] = []): Promise<Production> {
  const gateway = await startEnforced(args);
  const env = { SKEIN_TOKEN_FILE: await gateway.tokenFile(), SKEIN_URL: gateway.url, SKEIN_AGENT: "tester" };
  return {
    gateway,
    env,
    said: (words, options) => gateway.said(words, { ...options, env: { ...env, ...options?.env } }),
    start: (words) => gateway.start(words, { env }),
    async graph(crew) {
      const client = follow("ws", gateway.url, `graph?crew=${crew}`, await gateway.token());
      await client.count(1);
      return client;
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** Settles with the events of a client when the last tool has ended. */
export async function untilEnded(client: Client): Promise<Seen[]> {
  const frames = await client.until((seen) => seen.some(({ type }) => type === "tool_end"));
  return frames.slice(1);
}

/** How a process has ended whose output is too much for a text. */
export interface Poured {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `skein …` and gives the SHA-256 of what it says. */
export async function pour(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Poured> {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...compiled, ...env } });
  tie(child);
  child.stdin.end();
  const [out, err] = [createHash("sha256"), createHash("sha256")];
  child.stdout.on("data", (chunk: Buffer) => out.update(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.update(chunk));
  const [code] = await once(child, "close");
  return { code, stdout: out.digest("hex"), stderr: err.digest("hex") };
}
