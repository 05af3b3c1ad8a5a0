import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Holdings, Inspector } from "../support/inspector.ts";
import { makeFolder, type Started, startSkein } from "../support/process.ts";
import { secret } from "../support/tokens.ts";

/** How long a load lasts, in seconds. */
export const loadSeconds = Number(process.env.LOAD_SECONDS ?? 20);

/** How long clients of one transport come and go in each way, in seconds. */
export const churnSeconds = 2 * loadSeconds;

/** A gateway with default limits as a process of its own, which asks for tokens and trusts what says whom a request is from. */
export class LoadedGateway implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly #started: Started;
  readonly #stack: AsyncDisposableStack;

  private constructor(started: Started, folder: string, stack: AsyncDisposableStack) {
    this.#started = started;
    this.url = started.url;
    this.folder = folder;
    this.#stack = stack;
  }

  static async start(): Promise<LoadedGateway> {
    const stack = new AsyncDisposableStack();
    const { path } = stack.use(makeFolder());
    const secretFile = join(path, "secret");
    writeFileSync(secretFile, secret);
    const access = ["--auth", "enforced", "--jwt-secret-file", secretFile, "--trust-proxy", "127.0.0.1"];
    const flags = [...access, "--org", "acme", "--data", join(path, "data"), "--logs", join(path, "{name}.log")];
    const started = await startSkein(flags, { env: { NODE_OPTIONS: "--inspect=127.0.0.1:0" }, cwd: path });
    stack.use(started);
    return new LoadedGateway(started, path, stack);
  }

  /** The resident set, in MB. */
  get rssMB(): number {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#started.run.pid}/status`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  }

  /** What it wrote to its standard error besides what an inspector writes. */
  get complaints(): string {
    return this.#started.run.stderr.replace(/^(Debugger |For help|Starting inspector).*\n/gm, "");
  }

  /** What is held once the garbage was collected. */
  async holdings(): Promise<Holdings> {
    const inspector = await Inspector.open(this.#started.run.stderr);
    const holdings = await inspector.holdings();
    inspector.close();
    return holdings;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
