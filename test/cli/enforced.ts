import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, Run, type RunOptions, skein, startSkein } from "../support/process.ts";
import { type Facts, token } from "../support/tokens.ts";

/** A gateway as a process that lets nobody in without a token, and what signs its tokens. */
export interface EnforcedGateway extends AsyncDisposable {
  readonly url: string;
  readonly run: Run;
  readonly port: number;
  /** Where files for tokens may lie. */
  readonly folder: string;
  /** Its data directory. */
  readonly data: string;
  /** A token that it takes. */
  token(facts?: Facts): Promise<string>;
  /** The name of a file with a token that it takes. */
  tokenFile(facts?: Facts): Promise<string>;
  /** Publishes an event, as somebody of the org `acme`. */
  publish(tail: string, body: unknown): Promise<void>;
  /** Runs a command at it to its end, `said("ps", "--json")`. */
  said(args: readonly string[], options?: RunOptions & { input?: string }): ReturnType<typeof skein>;
  /** Starts a command at it. */
  start(args: readonly string[], options?: RunOptions): Run;
}

/** Starts a gateway in mode `enforced`, with a data directory of its own. */
export async function startEnforced(args: readonly string[] = []): Promise<EnforcedGateway> {
  const folder = makeFolder();
  const data = join(folder.path, "data");
  const started = await startSkein(["--auth", "enforced", "--data", data, ...args]);
  const { url, run, port } = started;
  const key = new Uint8Array(readFileSync(join(data, "auth.key")));
  const withUrl = ({ env, ...rest }: RunOptions & { input?: string } = {}) => ({
    ...rest,
    env: { SKEIN_URL: url, ...env },
  });
  let files = 0;
  const gateway = {
    url,
    run,
    port,
    folder: folder.path,
    data,
    token: (facts: Facts = {}) => token(facts, key),
    async tokenFile(facts: Facts = {}) {
      files += 1;
      const file = join(folder.path, `token-${files}`);
      writeFileSync(file, await token(facts, key));
      return file;
    },
    async publish(tail: string, body: unknown) {
      const headers = { authorization: `Bearer ${await token({}, key)}` };
      const response = await fetch(`${url}/api/publish/${tail}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(await response.text());
    },
    said: (words: readonly string[], options?: RunOptions & { input?: string }) => skein(words, withUrl(options)),
    start: (words: readonly string[], options?: RunOptions) => new Run(words, withUrl(options)),
    async [Symbol.asyncDispose]() {
      await run.kill();
      folder[Symbol.dispose]();
    },
  };
  return gateway;
}
