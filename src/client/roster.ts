import { backoffMs } from "./backoff.ts";
import type { AnyFrame } from "./frame.ts";
import { cursorAfter, type Ear, type Message } from "./link.ts";
import type { Refusal, Stop, StreamStatus, Transport } from "./skein.ts";
import type { Surroundings } from "./surroundings.ts";
import { type ErrorFrame, isError, isFarewell, isPassing, refusalOf, type Start, type Wire } from "./wire.ts";

/** A message that waits. */
interface Letter {
  readonly message: Message;
  settle(fault?: Error): void;
}

/** How many messages to a stream may wait. */
const mostLetters = 64;

/** A stream that a connection follows. */
interface Entry {
  /** The newest cursor. */
  since: string | undefined;
  /** What waits for a wire that can carry it. */
  letters: Letter[];
  /** The newest message of each type, and for each room, that was said to it. */
  readonly said: Map<string, Message>;
  status: StreamStatus;
  /** The last error that came for it. */
  error: ErrorFrame | undefined;
  /** How often it was tried in vain. */
  attempts: number;
  /** Ends its wait for the next attempt. */
  stopRetry: Stop;
  /** Whether it is done or refused: for good, or on one transport only. */
  over: boolean | Transport;
}

interface RosterParts {
  readonly ear: Ear;
  readonly surroundings: Surroundings;
  /** Follows a stream once more on the connection that is there. */
  readonly again: (name: string) => void;
}

/** The streams that a connection follows, and where it stands in each, from one wire to the next. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** Whether nothing is left to follow. */
  get isEmpty(): boolean {
    return [...this.#entries.values()].every(({ over }) => over === true);
  }

  /** One of those that are followed. */
  get first(): string | undefined {
    return [...this.#entries].find(([, { over }]) => over === false)?.[0];
  }

  add(name: string, since: string | undefined): void {
    this.remove(name);
    const status = { phase: "loading" } as const;
    const rest = { error: undefined, attempts: 0, stopRetry: () => {}, over: false };
    this.#entries.set(name, { since, letters: [], said: new Map(), status, ...rest });
  }

  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    entry.stopRetry();
    this.#entries.delete(name);
    drop(name, entry);
  }

  /** Says something to a stream, now or when there is a wire that can carry it. Rejects when it never will be. */
  async send(name: string, message: Message, wire: Wire | undefined): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry?.over !== false) throw new Error(gone(name));
    if (say(name, entry, { message, wire })) return;
    if (entry.letters.length >= mostLetters) throw new Error(`${mostLetters} messages wait already`);
    await new Promise<void>((resolve, reject) => {
      entry.letters.push({ message, settle: (fault) => (fault ? reject(fault) : resolve()) });
    });
  }

  /** Says what waits. */
  post(wire: Wire | undefined): void {
    for (const [name, entry] of this.#entries)
      entry.letters = entry.letters.filter(({ message, settle }) => !say(name, entry, { message, wire }) || settle());
  }

  /** What to follow on a new wire. */
  names(transport: Transport): string[] {
    const names: string[] = [];
    for (const [name, entry] of this.#entries) {
      entry.stopRetry();
      if (entry.over === true || entry.over === transport) continue;
      entry.over = false;
      names.push(name);
    }
    return names;
  }

  /** A message may have changed what the stream shows: its cursor is good for nothing then, and it has to be said again. */
  start(name: string): Start {
    const { since, said } = this.#entries.get(name) ?? { since: undefined, said: new Map<string, Message>() };
    return { since: said.size > 0 ? undefined : since, said: said.values() };
  }

  moved(name: string, cursor: string | undefined): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    entry.since = cursor ?? entry.since;
    this.#tell(name, entry, { phase: "live" });
  }

  frame(name: string, frame: AnyFrame, transport: Transport): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    if (isError(frame)) entry.error = frame;
    else if (isFarewell(frame)) this.#end(name, entry, { reason: frame.reason, transport });
    else {
      entry.attempts = 0;
      entry.error = undefined;
      entry.since = cursorAfter(entry.since, frame);
      this.#parts.ear.frame(name, frame);
      if (this.#entries.get(name) === entry) this.#tell(name, entry, { phase: "live" });
    }
  }

  /** Says of all that are not over that what is known of them may be old. */
  away(): void {
    for (const [name, entry] of this.#entries) if (entry.over !== true) this.#away(name, entry, undefined);
  }

  /** Says of all that are not over that they were refused together. */
  refuse(refusal: Refusal | undefined): void {
    for (const [name, entry] of this.#entries)
      if (entry.over !== true) this.#tell(name, entry, { phase: "refused", refusal });
  }

  clear(): void {
    for (const name of this.#entries.keys()) this.remove(name);
  }

  #end(name: string, entry: Entry, { reason, transport }: { reason: unknown; transport: Transport }): void {
    const refusal = entry.error && refusalOf(entry.error);
    const { surroundings, again } = this.#parts;
    if (reason === "done") {
      entry.over = true;
      this.#tell(name, entry, { phase: "over" });
    } else if (isPassing(String(reason))) {
      const ms = Math.max(backoffMs(entry.attempts++, surroundings.random()), 1000 * (entry.error?.retry_after ?? 0));
      entry.stopRetry = surroundings.after(ms, () => again(name));
      this.#away(name, entry, refusal);
    } else {
      // Rooms cannot be polled; over another transport they can be followed.
      entry.over = transport !== "poll" || reason !== "bad_query" || transport;
      this.#tell(name, entry, { phase: "refused", refusal });
    }
  }

  #away(name: string, entry: Entry, refusal: Refusal | undefined): void {
    const phase = entry.status.phase === "loading" ? "loading" : "away";
    this.#tell(name, entry, { phase, refusal });
  }

  #tell(name: string, entry: Entry, status: StreamStatus): void {
    const { phase, refusal } = entry.status;
    if (phase === status.phase && refusal?.code === status.refusal?.code) return;
    entry.status = status;
    if (entry.over === true) drop(name, entry);
    this.#parts.ear.phase(name, status);
  }
}

interface Said {
  readonly message: Message;
  readonly wire: Wire | undefined;
}

function say(name: string, { said }: Entry, { message, wire }: Said): boolean {
  const isSaid = wire?.say?.(name, message) ?? false;
  if (isSaid) {
    // What concerns one room says nothing about the others. The newest is the last to be said again.
    const key = `${message.type} ${message.instance_id}`;
    said.delete(key);
    said.set(key, message);
  }
  return isSaid;
}

/** Nothing that waits will ever be said. */
function drop(name: string, { letters }: Entry): void {
  for (const { settle } of letters.splice(0)) settle(new Error(gone(name)));
}

function gone(name: string): string {
  return `"${name}" is not followed, or it is over`;
}
