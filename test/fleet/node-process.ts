import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { membersOf } from "../../src/supervisor/proc.ts";
import type { NatsServer } from "../support/nats-server.ts";
import { makeFolder, tie } from "../support/process.ts";

const main = fileURLToPath(new URL("../supervisor/node.process.ts", import.meta.url));

/** A supervisor in a process of its own, which can be killed and started again; its instances outlive it. */
export class NodeProcess implements AsyncDisposable {
  readonly #args: readonly string[];
  readonly #folder = makeFolder();
  #child: ChildProcessWithoutNullStreams | undefined;

  private constructor(nats: NatsServer, node: string, templates: object) {
    this.#args = [main, nats.url, "default", node, join(this.#folder.path, "supervisor"), JSON.stringify(templates)];
  }

  static async start(nats: NatsServer, node: string, templates: object): Promise<NodeProcess> {
    const started = new NodeProcess(nats, node, templates);
    await started.start();
    return started;
  }

  /** Settles when it takes commands. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#args, { detached: true });
    tie(child);
    child.stderr.resume();
    this.#child = child;
    await once(child.stdout, "data");
  }

  /** `kill -9` for its whole process group. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await gone;
  }

  /** The log of an instance. */
  log(name: string): string {
    return readFileSync(join(this.#folder.path, "logs", `${name}.log`), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    const states = join(this.#folder.path, "supervisor", "instances");
    for (const file of readdirSync(states)) {
      const { launch } = JSON.parse(readFileSync(join(states, file), "utf8")) as { launch: string };
      for (const pid of await membersOf(launch)) process.kill(pid, "SIGKILL");
    }
    this.#folder[Symbol.dispose]();
  }
}
