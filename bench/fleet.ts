import type { ChildProcess } from "node:child_process";
import type { Children } from "./children.ts";
import { sleep } from "./clock.ts";
import { Histogram } from "./histogram.ts";
import type { Answer, Assignment, Call, LoadReport } from "./load.ts";

const loadModule = new URL("./load.ts", import.meta.url);
const lookEveryMs = 20;
/** With nothing delivered for this long after the last publish, the rest is not coming. */
const stallMs = 3_000;
/** … unless the server has used this much CPU time meanwhile. */
const busyUs = 500_000;

/** How a run ended. */
export type Outcome = "complete" | "stalled" | "cut";

/** The load processes of one run, seen from the bench. */
export class Fleet {
  readonly #members: Member[];
  readonly #clients: number;

  private constructor(members: Member[], clients: number) {
    this.#members = members;
    this.#clients = clients;
  }

  /** Opens `assignment.clients` connections from as many processes as `perProcess` asks for. */
  static async open(children: Children, assignment: Assignment, perProcess: number): Promise<Fleet> {
    const { clients } = assignment;
    const count = Math.ceil(clients / perProcess);
    const members = Array.from({ length: count }, (_, at) => {
      const share = Math.floor((clients * (at + 1)) / count) - Math.floor((clients * at) / count);
      return new Member(children.fork(loadModule), { ...assignment, clients: share });
    });
    await Promise.all(members.map(({ opened }) => opened));
    return new Fleet(members, clients);
  }

  /**
   * Resolves when every client has the last frame, nothing more is coming, or `limitMs` have passed. A server that
   * delivers nothing but computes (`cpuUs` rises) is waited for.
   */
  async settled(limitMs: number, cpuUs: () => number): Promise<Outcome> {
    const until = Date.now() + limitMs;
    let [moved, before, spentUs] = [Date.now(), -1, cpuUs()];
    for (;;) {
      const [complete, deliveries] = [this.#sum("complete"), this.#sum("deliveries")];
      if (complete >= this.#clients) return "complete";
      if (deliveries !== before) [moved, before] = [Date.now(), deliveries];
      if (Date.now() > until) return "cut";
      if (Date.now() - moved > stallMs) {
        const nowUs = cpuUs();
        if (nowUs - spentUs < busyUs) return "stalled";
        [moved, spentUs] = [Date.now(), nowUs];
      }
      await sleep(lookEveryMs);
    }
  }

  /** Closes the connections and adds up what the processes counted. */
  async report(): Promise<LoadReport> {
    const reports = await Promise.all(this.#members.map((member) => member.report()));
    return reports.reduce(merge);
  }

  #sum(of: "complete" | "deliveries"): number {
    return this.#members.reduce((sum, member) => sum + member[of], 0);
  }
}

class Member {
  complete = 0;
  deliveries = 0;
  readonly opened: Promise<void>;
  readonly #process: ChildProcess;
  readonly #opening = Promise.withResolvers<void>();
  readonly #reporting = Promise.withResolvers<LoadReport>();

  constructor(process: ChildProcess, assignment: Assignment) {
    this.#process = process;
    this.opened = this.#opening.promise;
    this.#reporting.promise.catch(() => {});
    process.on("message", (answer: Answer) => this.#hear(answer));
    process.on("exit", (code) => this.#fail(`A load process ended with ${code}`));
    this.#call({ kind: "open", assignment });
  }

  report(): Promise<LoadReport> {
    this.#call({ kind: "report" });
    return this.#reporting.promise;
  }

  #call(call: Call): void {
    this.#process.send(call, (error) => error && this.#fail(error.message));
  }

  #hear(answer: Answer): void {
    if (answer.kind === "opened") this.#opening.resolve();
    else if (answer.kind === "refused") this.#fail(`A client could not connect: ${answer.reason}`);
    else if (answer.kind === "report") this.#reporting.resolve(answer.report);
    else {
      this.complete = answer.complete;
      this.deliveries = answer.deliveries;
    }
  }

  #fail(reason: string): void {
    this.#opening.reject(new Error(reason));
    this.#reporting.reject(new Error(reason));
  }
}

function merge(one: LoadReport, other: LoadReport): LoadReport {
  const latency = new Histogram(one.latency);
  latency.add(new Histogram(other.latency));
  return {
    latency: latency.counts,
    deliveries: one.deliveries + other.deliveries,
    lastAtUs: Math.max(one.lastAtUs, other.lastAtUs),
    closed: one.closed + other.closed,
    reason: one.reason || other.reason,
    gaps: one.gaps + other.gaps,
    skipped: one.skipped + other.skipped,
    behind: one.behind + other.behind,
    duplicates: one.duplicates + other.duplicates,
    misordered: one.misordered + other.misordered,
    lagged: one.lagged + other.lagged,
    replayed: one.replayed + other.replayed,
  };
}
