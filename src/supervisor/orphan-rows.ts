import type { Rows, Stored } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { type InstanceRecord, isPlainName, managedSubject } from "../protocol/instance.ts";
import { parseRecord } from "./state-file.ts";
import type { Tell } from "./trouble.ts";

const noticedMax = 1000;

/**
 * Rows that name this node and of which it has no state: of a directory that was lost, of a create whose acknowledgement
 * was, or from elsewhere. Nothing is ever run, stopped or signalled because of one; it is marked, told of, and deleted when
 * an operator says so.
 */
export class OrphanRows {
  readonly #parts: OrphanParts;
  /** Names whose rows were noticed: one that is written again and again is answered once. */
  readonly #noticed = new Set<string>();

  constructor(parts: OrphanParts) {
    this.#parts = parts;
  }

  /** Marks a row that was heard of, once for each name. */
  async notice(name: string): Promise<void> {
    if (this.#noticed.has(name) || this.#noticed.size >= noticedMax) return;
    this.#noticed.add(name);
    await this.mark(name);
  }

  /** Marks a row as `unknown`, with no pid, and tells of it. Whether there is one. */
  async mark(name: string): Promise<boolean> {
    const { node, report } = this.#parts;
    const found = await this.#find(name);
    if (!found) return false;
    const { record, stored } = found;
    if (record.status === "unknown" && record.pid === null) return true;
    const marked: InstanceRecord = { ...record, status: "unknown", pid: null };
    await this.#put(stored, new TextEncoder().encode(JSON.stringify(marked)));
    report(
      `The row of instance ${name} names this node, ${node}, which knows nothing of it; nothing is run. Delete it`,
    );
    return true;
  }

  /** Deletes a row. Whether there was one. */
  async discard(name: string): Promise<boolean> {
    const found = await this.#find(name);
    if (found) await this.#put(found.stored, new Uint8Array(0));
    return found !== undefined;
  }

  async #find(name: string): Promise<Found | undefined> {
    const { rows, org, node } = this.#parts;
    if (!isPlainName(name)) return undefined;
    const stored = await rows.get(managedSubject(org, name));
    const record = stored && parseRecord(stored.data);
    return stored && record?.node === node && record.name === name ? { stored, record } : undefined;
  }

  /** After a lost race the row says something else, and that is heard. */
  async #put({ subject, position }: Stored, data: Uint8Array): Promise<void> {
    try {
      await this.#parts.rows.put(subject, data, { expected: position });
    } catch (thrown) {
      if (Failure.from(thrown).code !== "conflict") throw thrown;
    }
  }
}

interface OrphanParts {
  readonly rows: Rows;
  readonly org: string;
  readonly node: string;
  readonly report: Tell;
}

interface Found {
  readonly stored: Stored;
  readonly record: InstanceRecord;
}
