import type { Table } from "../bus/bus.ts";
import { managedSubject, publishedSubject } from "../protocol/instance.ts";
import type { Register } from "./register.ts";
import { type Owner, ownerOf, parseRow, type Row } from "./row.ts";

/** A row as the bus has it. */
export interface Found {
  /** Undefined when what is stored is no row. */
  readonly row: Row | undefined;
  readonly position: number;
  readonly owner: Owner | undefined;
}

/** Reads rows from the bus: what another gateway did a moment ago counts. Every method throws `bus_away`. */
export class StoredRows {
  readonly #table: () => Table;
  readonly #register: Register;

  constructor(table: () => Table, register: Register) {
    this.#table = table;
    this.#register = register;
  }

  /** The row of a name that counts: that of a node before that of a service. */
  async find(org: string, name: string): Promise<Found | undefined> {
    const managed = await this.managed(org, name);
    if (managed?.row) return managed;
    const published = await this.published(org, name);
    return published?.row ? published : managed;
  }

  managed(org: string, name: string): Promise<Found | undefined> {
    return this.#at(managedSubject(org, name), name);
  }

  published(org: string, name: string): Promise<Found | undefined> {
    return this.#at(publishedSubject(org, name), name);
  }

  async #at(subject: string, name: string): Promise<Found | undefined> {
    const stored = await this.#table().get(subject);
    if (!stored) return undefined;
    const row = parseRow(name, stored.data) ?? this.#register.at(subject)?.row;
    return { row, position: stored.position, owner: row && ownerOf(subject, row) };
  }
}
