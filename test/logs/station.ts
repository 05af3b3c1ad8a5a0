import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../src/bus/bus.ts";
import { RemoteLog } from "../../src/hub/remote-log.ts";
import { type AgentLimits, LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import type { Files } from "../../src/logs/files.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction, type RedactionRule } from "../../src/logs/redact.ts";
import { type Clock, systemClock } from "../../src/protocol/clock.ts";
import { type LogNews, type LogStep, logNewsSubject } from "../../src/protocol/log.ts";
import { parseNews, parseStep } from "../../src/stream/log.ts";
import type { TestBus } from "../support/buses.ts";

export const org = "acme";

/** What an agent of a test may be given. */
export interface AgentOptions {
  readonly clock?: Clock;
  /** What of the file system is another than the real one. */
  readonly files?: Partial<Files>;
  readonly limits?: Partial<AgentLimits>;
  readonly redact?: readonly RedactionRule[];
  /** Below the station's directory. Default `{name}.log`. */
  readonly pattern?: string;
}

/** A directory of logs, a bus, and what a test begins on them. */
export class Station implements AsyncDisposable {
  readonly directory: string;
  readonly bus: Bus;
  readonly troubles: string[] = [];
  readonly #testBus: TestBus;
  readonly #ends: (() => Promise<void> | void)[] = [];

  static async open(openBus: () => Promise<TestBus>): Promise<Station> {
    return new Station(await mkdtemp(join(tmpdir(), "skein-logs-")), await openBus());
  }

  constructor(directory: string, testBus: TestBus) {
    this.directory = directory;
    this.#testBus = testBus;
    this.bus = testBus.bus;
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  async agent(options: AgentOptions = {}) {
    const { clock = systemClock, files = {}, limits = {}, redact = [], pattern = "{name}.log" } = options;
    const agent = new LogsAgent({
      bus: this.bus,
      org,
      pattern: new LogPattern(this.path(pattern)),
      files: { ...diskFiles, ...files },
      clock,
      limits,
      redaction: new Redaction(redact),
      report: (trouble) => this.troubles.push(trouble),
    });
    this.#ends.push(() => agent.close());
    await agent.start();
    return agent;
  }

  log(name: string): RemoteLog {
    return new RemoteLog(this.bus, org, name);
  }

  /** Everything that is published about a log from now on. */
  steps(name: string): Heard<LogStep> {
    return this.#hear(this.log(name).steps, parseStep);
  }

  /** Everything agents say from now on. */
  news(): Heard<LogNews> {
    return this.#hear(logNewsSubject(org), parseNews);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
    await this.#testBus[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  #hear<Item>(subject: string, parse: (data: Uint8Array) => Item): Heard<Item> {
    const heard = new Heard<Item>();
    this.#ends.push(this.bus.subscribe(subject, ({ data }) => heard.push(parse(data))));
    return heard;
  }
}

/** What was heard so far, and a way to wait for more. */
export class Heard<Item> {
  readonly items: Item[] = [];
  #wake: () => void = () => {};

  push(item: Item): void {
    this.items.push(item);
    this.#wake();
  }

  /** Settles when what was heard so far is enough. */
  async until(isEnough: (items: readonly Item[]) => boolean): Promise<readonly Item[]> {
    while (!isEnough(this.items)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.items;
  }
}

/** The lines of steps. */
export function linesOf(steps: readonly LogStep[]): string[] {
  return steps.flatMap((step) => ("rotated" in step ? [] : step.lines));
}

/** How many descriptors and watches of the system this process holds on files below a directory. */
export async function heldBelow(directory: string): Promise<number> {
  const numbers = await readdir("/proc/self/fd");
  const targets = await Promise.all(numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => "")));
  const watching = numbers.filter((_, i) => targets[i]?.includes("inotify"));
  const infos = await Promise.all(watching.map((number) => readFile(`/proc/self/fdinfo/${number}`, "utf8")));
  const watched = new Set(infos.flatMap((info) => [...info.matchAll(/\bino:([0-9a-f]+)/g)].map(([, ino]) => ino)));
  const files = await Promise.all((await readdir(directory)).map((name) => stat(join(directory, name))));
  const watches = files.filter(({ ino }) => watched.has(ino.toString(16)));
  return watches.length + targets.filter((target) => target.startsWith(directory)).length;
}
