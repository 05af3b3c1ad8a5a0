import type { Table } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import type { InstanceStatus } from "../protocol/instance.ts";
import type { Nodes } from "./nodes.ts";
import type { Entry, Register } from "./register.ts";
import { ownerOf } from "./row.ts";

/** What a node has to be there for; a stopped instance is stopped also while its node is away. */
const alive: ReadonlySet<string> = new Set(["starting", "running", "stopping"] satisfies InstanceStatus[]);

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

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks once through all instances. */
  look(): void {
    const { register, nodes } = this.#parts;
    for (const entry of register.entries()) {
      const node = alive.has(entry.row.status) ? ownerOf(entry.row) : undefined;
      if (node === undefined || this.#writing.has(entry.subject) || !nodes.isAway(entry.org, node)) continue;
      void this.#write(entry);
    }
  }

  async #write({ subject, position, row }: Entry): Promise<void> {
    const status: InstanceStatus = "unknown";
    const data = utf8.encode(JSON.stringify({ ...row, status }));
    this.#writing.add(subject);
    try {
      await this.#parts.table.put(subject, data, { expected: position });
    } catch (thrown) {
      const { code } = Failure.from(thrown);
      // Somebody else was first; or the bus is away, and the next look tries again.
      if (code !== "conflict" && code !== "bus_away") this.#parts.report(thrown);
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
  readonly report: (fault: unknown) => void;
}
