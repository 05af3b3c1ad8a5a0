import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { LogFollower } from "./log-follower.ts";

/** A program that follows a log and prints its lines, say `tail -F`. */
export class ProgramFollower extends LogFollower {
  readonly name: string;
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  #rest = "";

  constructor(name: string, [command = "", ...args]: readonly string[]) {
    super();
    this.name = name;
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.ledger.take(line);
      this.wake();
    });
  }

  get isReady(): boolean {
    return this.ledger.last > 0;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
