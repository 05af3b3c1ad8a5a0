import type { Table } from "../bus/bus.ts";
import { inBackground, type Report } from "../protocol/background.ts";
import { Failure } from "../protocol/failure.ts";
import type { InstanceStatus } from "../protocol/instance.ts";
import type { Nodes } from "./nodes.ts";
import type { Entry, Register } from "./register.ts";

/** What a node has to be there for; a stopped instance is stopped also while its node is away. */
const alive: ReadonlySet<string> = new Set(["starting", "running", "stopping"] satisfies InstanceStatus[]);

const failedMax = 1000;

const utf8 = new TextEncoder();

/**
 * Says of the instances of a node that is away that nobody knows how they are.
 *
 * Every gateway does so. The record must still be the one that was looked at: then one of them writes, and a node that
 * has come back meanwhile is not contradicted.
 */
export class Watch {
  readonly #parts: WatchParts;
  readonly #writing = new Set<string>();
  /** By subject, the position of a row that could not be written: it is not tried again before it is another one. */
  readonly #failed = new Map<string, number>();

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks once through all instances. */
  look(): void {
    const { register, nodes, report } = this.#parts;
    for (const entry of register.entries()) {
      const { subject, position, org, row, owner } = entry;
      if (owner.node === undefined || !alive.has(row.status) || !nodes.isAway(org, owner.node)) continue;
      if (this.#writing.has(subject) || this.#failed.get(subject) === position) continue;
      inBackground(`marking ${subject} as unknown`, this.#write(entry), report);
    }
  }

  async #write({ subject, position, row }: Entry): Promise<void> {
    const status: InstanceStatus = "unknown";
    this.#writing.add(subject);
    try {
      const data = utf8.encode(JSON.stringify({ ...row, status }));
      await this.#parts.table.put(subject, data, { expected: position });
      this.#failed.delete(subject);
    } catch (thrown) {
      const { code } = Failure.from(thrown);
      // Somebody else was first; or the bus is away, and the next look tries again.
      if (code === "conflict" || code === "bus_away") return;
      if (this.#failed.size >= failedMax) this.#failed.clear();
      this.#failed.set(subject, position);
      throw thrown;
    } finally {
      this.#writing.delete(subject);
    }
  }
}

interface WatchParts {
  readonly table: Table;
  readonly register: Register;
  readonly nodes: Nodes;
  /** Hears of a record that cannot be written, and why. */
  readonly report: Report;
}
