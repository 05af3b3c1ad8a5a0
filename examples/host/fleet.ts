import { differs, type InstanceRecord, type Process, running, stopped } from "./record.ts";

/** Something to publish: the whole record, or null when the instance is to be deleted. */
export interface Change {
  readonly name: string;
  readonly record: InstanceRecord | null;
}

/** How many processes are shown. One that is shown stays until it is clearly out, or the last place would flicker. */
const shown = 40;
const stillShown = 60;
const keepStoppedMs = 10_000;

interface Member {
  readonly record: InstanceRecord;
  /** When it was seen to have ended. */
  readonly stoppedAtMs?: number;
}

/** What has been said about the processes of this machine, and so what there is to say next. */
export class Fleet {
  /** By process; the name alone would take a new process for an old one when a pid comes round again. */
  readonly #members = new Map<string, Member>();

  /** What to publish so that it is true again after a scan of all processes. */
  update(scan: readonly Process[], nowMs: number): Change[] {
    const biggest = scan.toSorted((a, b) => b.rssBytes - a.rssBytes);
    const alive = new Set(biggest.map(keyOf));
    const changes = this.#leave(alive, { big: new Set(biggest.slice(0, stillShown).map(keyOf)), nowMs });
    for (const [place, process] of biggest.entries()) {
      const key = keyOf(process);
      const known = this.#members.get(key);
      if (!known && place >= shown) continue;
      // The name of the first sight stays: a process may rename itself, an instance may not.
      const record = running(known?.record.name ?? `${process.comm}-${process.pid}`, process);
      if (known && !differs(known.record, record)) continue;
      this.#members.set(key, { record });
      changes.push({ name: record.name, record });
    }
    return changes;
  }

  #leave(alive: ReadonlySet<string>, { big, nowMs }: { big: ReadonlySet<string>; nowMs: number }): Change[] {
    const changes: Change[] = [];
    for (const [key, { record, stoppedAtMs }] of this.#members) {
      const hasLeft = alive.has(key) ? !big.has(key) : nowMs - (stoppedAtMs ?? nowMs) >= keepStoppedMs;
      if (hasLeft) {
        this.#members.delete(key);
        changes.push({ name: record.name, record: null });
      } else if (!alive.has(key) && stoppedAtMs === undefined) {
        this.#members.set(key, { record: stopped(record), stoppedAtMs: nowMs });
        changes.push({ name: record.name, record: stopped(record) });
      }
    }
    return changes;
  }

  /** Everything that is true, for a gateway that may have missed some of it. */
  all(): Change[] {
    return [...this.#members.values()].map(({ record }) => ({ name: record.name, record }));
  }

  /** What to publish when nobody will watch these processes any more. */
  farewell(): Change[] {
    return this.all().map(({ name }) => ({ name, record: null }));
  }
}

function keyOf({ pid, startedAt }: Process): string {
  return `${pid} ${startedAt}`;
}
