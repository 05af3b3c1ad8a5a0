import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus, Table } from "../../src/bus/bus.ts";
import { type Clock, systemClock } from "../../src/protocol/clock.ts";
import {
  type Command,
  type CommandAnswer,
  type CommandRequest,
  type InstanceRecord,
  instancesTable,
  managedSubject,
  supervisorSubject,
} from "../../src/protocol/instance.ts";
import { allMembers, signal } from "../../src/supervisor/proc.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { parseTemplates } from "../../src/supervisor/template.ts";
import { jetstream } from "../bus/setup.ts";
import type { TestBus } from "../support/buses.ts";

export const org = "acme";
export const node = "n1";

/** A template that stays until it is told to go. */
export const sleeper = { command: "sleep", args: ["1000"] };

/** A template that runs a script of sh. */
export function script(text: string, more: object = {}) {
  return { command: "sh", args: ["-c", text], ...more };
}

/** A node with a directory of its own, a bus, and supervisors one after the other. */
export class Station implements AsyncDisposable {
  readonly directory: string;
  readonly bus: Bus;
  readonly troubles: string[] = [];
  readonly #testBus: TestBus;
  readonly #reader: Bus;
  readonly #stops: (() => Promise<void> | void)[] = [];
  readonly #records = new Map<string, InstanceRecord>();
  readonly #history: InstanceRecord[] = [];
  readonly #waiting = new Set<() => void>();

  /** Opens one; records are followed on `reader` where the node's own bus may not. */
  static async open(openBus: () => Promise<TestBus>, reader?: Bus): Promise<Station> {
    const station = new Station(await mkdtemp(join(tmpdir(), "skein-supervisor-")), await openBus(), reader);
    await station.#followRecords();
    return station;
  }

  private constructor(directory: string, testBus: TestBus, reader = testBus.bus) {
    this.#reader = reader;
    this.directory = directory;
    this.#testBus = testBus;
    this.bus = testBus.bus;
  }

  get table(): Promise<Table> {
    return this.#reader.table(instancesTable);
  }

  /** Every record that was told so far of an instance, oldest first. */
  history(name: string): InstanceRecord[] {
    return this.#history.filter((record) => record.name === name);
  }

  subject(name: string): string {
    return managedSubject(org, name);
  }

  /** Removes every row; on NATS without a message to listeners. */
  async purge(): Promise<void> {
    const { url } = this.#testBus;
    if (url !== undefined) return void (await jetstream(url, "STREAM.PURGE.SKEIN_INSTANCES"));
    for (const name of this.#records.keys()) await (await this.table).put(this.subject(name), new Uint8Array(0));
  }

  /** Where a supervisor keeps what it knows of an instance. */
  stateFile(name: string): string {
    return join(this.directory, "supervisor", "instances", `${name}.json`);
  }

  async supervise(
    templates: Readonly<Record<string, unknown>> = { sleeper },
    clock: Clock = systemClock,
  ): Promise<Supervisor> {
    const supervisor = new Supervisor({
      bus: this.bus,
      org,
      node,
      templates: parseTemplates(templates),
      directory: join(this.directory, "supervisor"),
      clock,
      environment: { PATH: process.env.PATH },
      report: (trouble) => this.troubles.push(trouble),
    });
    await supervisor.start();
    this.#stops.push(() => supervisor.close());
    return supervisor;
  }

  /** Sends a command; throws the Failure that refuses it. */
  async command(command: Command, name: string, more: Partial<CommandRequest> = {}): Promise<CommandAnswer> {
    const request = new TextEncoder().encode(JSON.stringify({ command, name, ...more }));
    const answer = await this.bus.request(supervisorSubject(org, node), request, 5_000);
    return JSON.parse(new TextDecoder().decode(answer));
  }

  /** Creates an instance and starts it. */
  async run(name: string, template: string, params: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.command("create", name, { template, params });
    await this.command("start", name);
  }

  /** Settles with the record of an instance when it is as asked; undefined: deleted. */
  async until(name: string, isEnough: (record: InstanceRecord) => boolean): Promise<InstanceRecord> {
    for (;;) {
      const record = this.#records.get(name);
      if (record && isEnough(record)) return record;
      await this.#news();
    }
  }

  async untilStatus(name: string, status: InstanceRecord["status"]): Promise<InstanceRecord> {
    return this.until(name, (record) => record.status === status);
  }

  async untilDeleted(name: string): Promise<void> {
    while (this.#records.has(name)) await this.#news();
  }

  /** The log of an instance with its rotations, oldest first. */
  async log(name: string): Promise<string> {
    const folder = join(this.directory, "logs");
    const number = (file: string) => Number(/\.log\.(\d+)$/.exec(file)?.[1] ?? 0);
    const files = (await readdir(folder)).filter((file) => file.startsWith(`${name}.log`));
    const texts = files.sort((a, b) => number(b) - number(a)).map((file) => readFile(join(folder, file), "utf8"));
    return (await Promise.all(texts)).join("");
  }

  /** Settles with the log of an instance when it contains a text. */
  async logged(name: string, text: string): Promise<string> {
    for (;;) {
      const log = await this.log(name).catch(() => "");
      if (log.includes(text)) return log;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What the processes of each instance that is to run are known by. */
  async launches(): Promise<string[]> {
    const folder = join(this.directory, "supervisor", "instances");
    const files = await readdir(folder).catch(() => []);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    return texts.flatMap((text) => /"launch":"([^"]+)"/.exec(text)?.[1] ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop();
    const members = await allMembers();
    for (const launch of await this.launches()) {
      for (const pid of members.get(launch) ?? []) signal(pid, "SIGKILL");
    }
    await this.#testBus[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #followRecords(): Promise<void> {
    const table = await this.table;
    const stop = table.follow({
      begin: () => {},
      message: ({ subject, data }) => {
        if (data.length === 0) this.#records.delete(subject.split(".")[3] ?? "");
        else this.#learn(JSON.parse(new TextDecoder().decode(data)));
        for (const wake of this.#waiting) wake();
      },
      level: () => {},
      gap: () => {},
    });
    this.#stops.push(stop);
  }

  #learn(record: InstanceRecord): void {
    this.#records.set(record.name, record);
    this.#history.push(record);
  }

  #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    return promise.then(() => void this.#waiting.delete(resolve));
  }
}
