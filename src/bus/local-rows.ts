import { isolate, type Report } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { matches } from "../protocol/subject.ts";
import type { Ack, Follower, Rows, Said, Stored, StoreSpec, Table, Terms } from "./bus.ts";
import { keptSubject, subjectPattern } from "./grammar.ts";

interface Watcher {
  readonly table: string;
  readonly pattern: string;
  readonly listener: (message: Said) => void;
}

/** Who hears what is put in the tables of the embedded bus. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #onException: Report;

  constructor(onException: Report) {
    this.#onException = onException;
  }

  join(watcher: Watcher): Stop {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /** Tells the watchers of a table what is put from now on. */
  of(table: string): Follower {
    let isLevel = false;
    return {
      begin: () => {
        isLevel = false;
      },
      message: (message) => {
        if (isLevel) this.#tell(table, message);
      },
      level: () => {
        isLevel = true;
      },
      gap: () => {},
    };
  }

  #tell(table: string, { subject, data }: Stored): void {
    for (const watcher of this.#watchers) {
      if (watcher.table === table && matches(watcher.pattern, subject)) {
        isolate(`hearing ${subject}`, () => watcher.listener({ subject, data }), this.#onException);
      }
    }
  }
}

/** Single rows of a table of the embedded bus; the table is there once it was opened in this process. */
export class LocalRows implements Rows {
  readonly #spec: StoreSpec;
  readonly #table: () => Table | undefined;
  readonly #watchers: Watchers;

  constructor(spec: StoreSpec, table: () => Table | undefined, watchers: Watchers) {
    this.#spec = { ...spec, subjects: spec.subjects.map(subjectPattern) };
    this.#table = table;
    this.#watchers = watchers;
  }

  async put(subject: string, data: Uint8Array, terms?: Terms): Promise<Ack> {
    return this.#opened(subject).put(subject, data, terms);
  }

  async get(subject: string): Promise<Stored | undefined> {
    return this.#opened(subject).get(subject);
  }

  watch(pattern: string, listener: (message: Said) => void): Stop {
    return this.#watchers.join({ table: this.#spec.name, pattern: subjectPattern(pattern), listener });
  }

  #opened(subject: string): Table {
    keptSubject(this.#spec.subjects, subject);
    const table = this.#table();
    if (table) return table;
    throw new Failure("bus_away", "The table is not there yet: a gateway makes it");
  }
}
