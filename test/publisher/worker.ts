import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { tie } from "../support/process.ts";

const program = fileURLToPath(new URL("./worker.process.ts", import.meta.url));

const deno = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));

/** A process that publishes; it never outlives the test. */
export class Worker implements AsyncDisposable {
  output = "";
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Set<() => void>();

  constructor(address: string, how: string, runtime: "Node" | "Deno" = "Node") {
    const [command, ...args] = runtime === "Node" ? [process.execPath] : [deno, "run", "-A", "--quiet"];
    this.#child = spawn(command, [...args, program, address, how]);
    tie(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        for (const wake of this.#waiting) wake();
      });
    }
    this.exit = once(this.#child, "close").then(([code, signal]) => {
      for (const wake of this.#waiting) wake();
      return { code, signal };
    });
  }

  /** Settles when it has said something. */
  async says(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`It ended: ${this.output}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#waiting.clear();
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.exit;
  }
}
