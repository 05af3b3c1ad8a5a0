import type { Journal, Table } from "../../src/bus/bus.ts";
import { bytes } from "./recorder.ts";

/** Eight writers that append to a journal and put into a table, one message after the other, until they are stopped. */
export class Load {
  /** Every event the journal has acknowledged: position → body. */
  readonly acknowledged = new Map<number, string>();
  readonly #writers: Promise<void>[];
  #isOver = false;
  #wake = () => {};

  constructor(journal: Journal, table: Table) {
    this.#writers = Array.from({ length: 8 }, (_, writer) => this.#write(writer, journal, table));
  }

  /** Resolves after so many further acknowledgements. */
  more(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.acknowledged.size >= wanted) resolve();
      };
    });
  }

  /** Rejects when a writer was refused. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#writers);
  }

  async #write(writer: number, journal: Journal, table: Table): Promise<void> {
    for (let i = 0; !this.#isOver; i += 1) {
      const body = `${writer}:${i}`;
      const { position } = await journal.append(`runs.${writer}`, bytes(body));
      this.acknowledged.set(position, body);
      await table.put(`agents.${writer}.${i % 10}`, bytes(i % 7 === 0 ? "" : body));
      this.#wake();
    }
  }
}
