import type { Stored } from "../bus/bus.ts";
import { endOfTurn } from "../bus/turn.ts";
import type { FeedDefinition, Fold } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { EventCount } from "./event-count.ts";
import type { Excerpt } from "./excerpt.ts";
import type { Loaded } from "./past.ts";
import type { Progress } from "./progress.ts";
import { type Entry, Ring, type RingLimits } from "./ring.ts";

/** How much of the journal is read at a time. */
const portion = { limit: 1000, maxBytes: 1024 * 1024 };

/** From how many positions before the end on live events are kept instead of being read. */
const closePositions = 1000;

/** What one reading of a feed's past has found. */
export interface LoadedFeed extends Loaded {
  /** The valid events up to `upTo`; not counted where only the newest are wanted. */
  readonly events: EventCount;
  /** What the events come to, where the definition says so. */
  readonly fold: Fold<unknown> | undefined;
  /** The events after `upTo` that came live during the reading. */
  readonly early: readonly Entry[];
}

/**
 * One reading of the past of a feed's channel, portion by portion: it keeps the newest entries, their number and what they come
 * to, never all of them.
 *
 * Live events are dropped while the reading is far from the end, because it will come to them; then they are kept, within the
 * limits of the ring.
 */
export class FeedLoad {
  readonly #parts: FeedLoadParts;
  readonly #newest: Ring;
  readonly #fold: Fold<unknown> | undefined;
  readonly #events = new EventCount();
  /** Live events; undefined while they are dropped. */
  #early: Ring | undefined;

  constructor(parts: FeedLoadParts) {
    const { past } = parts.definition;
    this.#parts = parts;
    this.#newest = new Ring(parts.limits);
    this.#fold = past.kind === "folded" ? past.begin(parts.names) : undefined;
  }

  /** Takes a live event. False when the reading will come to it, and what was taken so far is to be dropped. */
  heard(entry: Entry): boolean {
    if (this.#early === undefined) return false;
    this.#early.push(entry);
    if (this.#early.tail === 0) return true;
    this.#early = undefined;
    this.#parts.overflowed();
    return false;
  }

  /** Reads everything. Throws `bus_away`. */
  async run(): Promise<LoadedFeed> {
    const { progress, definition } = this.#parts;
    try {
      await progress.ready();
      return definition.past.kind === "recent" ? await this.#readNewest(definition.past.most) : await this.#readAll();
    } catch (thrown) {
      this.#early = undefined;
      throw thrown;
    }
  }

  async #readAll(): Promise<LoadedFeed> {
    const { progress } = this.#parts;
    let upTo = 0;
    do {
      if (progress.position - upTo <= closePositions) this.#keepEarly();
      const end = progress.position;
      await this.#read(upTo, end);
      upTo = end;
    } while (this.#early === undefined);
    return this.#found(this.#newest.from(0), this.#newest.floor.position, upTo);
  }

  async #read(after: number, upTo: number): Promise<void> {
    const { excerpt, entriesOf } = this.#parts;
    for (let from = after; from < upTo && !this.#events.isOver; ) {
      const { messages, more } = await excerpt().read({ after: from, upTo, ...portion });
      for (const entry of entriesOf(messages)) this.#take(entry);
      from = more ? (messages.at(-1)?.position ?? upTo) : upTo;
      // A bus in this process answers at once, and others have their turn, too.
      if (from < upTo) await endOfTurn();
    }
  }

  #take(entry: Entry): void {
    this.#events.add(entry);
    this.#fold?.add(entry.item);
    this.#newest.push(entry);
  }

  async #readNewest(most: number): Promise<LoadedFeed> {
    const { progress, excerpt, entriesOf, limits } = this.#parts;
    const { ringBytes: maxBytes } = limits;
    this.#keepEarly();
    const upTo = progress.position;
    const { messages, more } = await excerpt().recent({ upTo, limit: most, maxBytes });
    const oldest = more ? (messages[0]?.position ?? upTo + 1) : await excerpt().first();
    return this.#found(entriesOf(messages), Math.min(oldest - 1, upTo), upTo);
  }

  #keepEarly(): void {
    const { ringFrames, ringBytes } = this.#parts.limits;
    this.#early = new Ring({ ringFrames: Math.max(ringFrames, closePositions), ringBytes });
  }

  #found(entries: readonly Entry[], floor: number, upTo: number): LoadedFeed {
    const early = (this.#early?.from(0) ?? []).filter(({ position }) => position > upTo);
    return { entries, floor, upTo, early, events: this.#events, fold: this.#fold };
  }
}

interface FeedLoadParts {
  readonly definition: FeedDefinition;
  readonly progress: Progress;
  /** What of the journal is the channel's. */
  readonly excerpt: () => Excerpt;
  /** The names in the channel's path. */
  readonly names: Params;
  readonly limits: RingLimits;
  /** The entries of stored messages, up to the one that ends the stream; what fails its schema is left out. */
  readonly entriesOf: (messages: readonly Stored[]) => readonly Entry[];
  /** Called when live events came faster than they may be kept: those that were taken are dropped. */
  readonly overflowed: () => void;
}
