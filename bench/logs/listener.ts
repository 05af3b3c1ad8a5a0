import type { ChildProcess } from "node:child_process";
import type { Children } from "../children.ts";
import { sleep } from "../clock.ts";
import { Histogram } from "../histogram.ts";
import type { LogRequest } from "./log-socket.ts";

/** What a listener follows, and whether every line is read for its time of writing. */
export type Hearing = { readonly isTimed: boolean } & (
  | { readonly request: LogRequest }
  | { readonly command: readonly string[] }
);

/** What a listener has heard since it was open. */
export interface Heard {
  readonly lines: number;
  /** When the newest line came, microseconds of the machine's clock. */
  readonly lastAtUs: number;
  readonly gaps: number;
  /** How often it was given a fresh backlog because it had fallen behind. */
  readonly fresh: number;
  /** Lines that nobody wrote. */
  readonly torn: number;
  /** CPU time of the listener itself. */
  readonly cpuUs: number;
}

/** What a listener says. */
export type Answer =
  | { readonly kind: "opened"; readonly pid: number }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "heard"; readonly heard: Heard }
  | { readonly kind: "report"; readonly heard: Heard; readonly latency: Uint32Array };

const module = new URL("./listener.process.ts", import.meta.url);
const lookEveryMs = 10;
/** With nothing heard for this long, the rest is not coming. */
const stallMs = 3_000;

/** A process that follows one log, seen from the bench. */
export class Listener {
  heard: Heard = { lines: 0, lastAtUs: 0, gaps: 0, fresh: 0, torn: 0, cpuUs: 0 };
  /** The program that it reads from, when it is one. */
  pid = 0;
  readonly #process: ChildProcess;
  readonly #opening = Promise.withResolvers<void>();
  readonly #reporting = Promise.withResolvers<Histogram>();

  private constructor(process: ChildProcess, hearing: Hearing) {
    this.#process = process;
    this.#reporting.promise.catch(() => {});
    process.on("message", (answer: Answer) => this.#hear(answer));
    process.on("exit", (code) => this.#fail(`A listener ended with ${code}`));
    process.send(hearing);
  }

  /** Starts one and waits until it follows. */
  static async open(children: Children, hearing: Hearing): Promise<Listener> {
    const listener = new Listener(children.fork(module), hearing);
    await listener.#opening.promise;
    return listener;
  }

  /** Resolves when it has so many lines, or when nothing more comes. */
  async settled(lines: number): Promise<void> {
    let [before, moved] = [-1, Date.now()];
    while (this.heard.lines < lines) {
      if (this.heard.lines !== before) [before, moved] = [this.heard.lines, Date.now()];
      if (Date.now() - moved > stallMs) return;
      await sleep(lookEveryMs);
    }
  }

  /** The times from writing to arrival, with everything heard up to date; it ends then. */
  async report(): Promise<Histogram> {
    this.#process.send("report");
    const latency = await this.#reporting.promise;
    this.#process.kill();
    return latency;
  }

  #hear(answer: Answer): void {
    if (answer.kind === "opened") {
      this.pid = answer.pid;
      return this.#opening.resolve();
    }
    if (answer.kind === "failed") return this.#fail(answer.reason);
    this.heard = answer.heard;
    if (answer.kind === "report") this.#reporting.resolve(new Histogram(answer.latency));
  }

  #fail(reason: string): void {
    this.#opening.reject(new Error(reason));
    this.#reporting.reject(new Error(reason));
  }
}
