import type { Journal, Stored } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { Frame } from "../protocol/frame.ts";
import type { FeedDefinition, Fold } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import type { Channel } from "./channel.ts";
import { addressOf, eventEntry, itemOf } from "./entry.ts";
import type { Excerpt } from "./excerpt.ts";
import { greetingOf, type Loaded, type Past, type Reason } from "./past.ts";
import type { Progress } from "./progress.ts";
import type { Entry, Ring } from "./ring.ts";
import { shows, type View } from "./view.ts";

/** How far back a filtered snapshot looks for events, in pages of this many. */
const pageEvents = 1000;
const mostPages = 10;

/** How soon a past that could not be read is asked for again. */
const retryMs = 500;

/** The past of a feed's channel: its ring, and before that the journal. */
export class FeedPast implements Past {
  readonly #parts: FeedPastParts;
  #loaded: Promise<void> = Promise.resolve();
  #loads = 0;
  #isFailed = false;
  #isGreetingDue = false;
  #fold: Fold<unknown> | undefined;
  /** What came before the past was read. */
  #early: Entry[] = [];
  #channel: Channel | undefined;

  constructor(parts: FeedPastParts) {
    this.#parts = parts;
  }

  /** Becomes the past of a channel and reads it. */
  serve(channel: Channel): void {
    this.#channel = channel;
    this.#load();
  }

  /** Reads the past again, because what was known of it does not hold, and greets everybody anew. */
  reload(): void {
    this.#isGreetingDue = true;
    this.#load();
  }

  /** Reads what a newcomer may need into the ring; the channel is held until then. */
  #load(): void {
    const load = ++this.#loads;
    this.#isFailed = false;
    this.#fold = undefined;
    this.#early = [];
    this.#channel?.hold();
    this.#loaded = this.#read().then((past) => {
      if (load === this.#loads) this.#finish(past);
    });
    this.#loaded.catch(() => {
      if (load === this.#loads) this.#fail();
    });
  }

  #finish(past: Loaded): void {
    this.#begin(past);
    // First the greetings: whoever missed something must not be sent what came after it.
    if (this.#isGreetingDue) this.#channel?.greetAll("resync");
    this.#isGreetingDue = false;
    this.#channel?.release(past);
  }

  /** Begins to count together what events come to. */
  #begin({ entries, upTo }: Loaded): void {
    const { past } = this.#parts.definition;
    if (past.kind !== "folded") return;
    this.#fold = past.begin(this.#parts.names);
    for (const { item } of entries) this.#fold.add(item);
    for (const { item, position } of this.#early) if (position > upTo) this.#fold.add(item);
    this.#early = [];
  }

  /** Hears of an event that has just come. */
  heard(entry: Entry): void {
    if (this.#fold) this.#fold.add(entry.item);
    else if (this.#parts.definition.past.kind === "folded") this.#early.push(entry);
  }

  async ready(): Promise<void> {
    if (this.#isFailed) this.#load();
    await this.#loaded;
  }

  #fail(): void {
    this.#isFailed = true;
    this.#parts.clock.after(retryMs, () => {
      if (this.#isFailed && this.#channel?.isIdle === false) this.#load();
    });
  }

  async reach(cursor: Cursor): Promise<boolean> {
    const { progress, journal } = this.#parts;
    return cursor.epoch === progress.epoch && progress.reach(cursor.position, journal());
  }

  here(): Cursor {
    const { epoch, position } = this.#parts.progress;
    return { epoch, position, part: 0 };
  }

  async after(cursor: Cursor): Promise<readonly Entry[] | undefined> {
    const { ring, replayFrames, excerpt } = this.#parts;
    const remembered = ring.after(cursor);
    if (remembered) return remembered;
    const recent = ring.from(0);
    const { position } = ring.floor;
    const limit = replayFrames - recent.length;
    if (limit <= 0) return undefined;
    const reading = await excerpt().read({ after: cursor.position, upTo: position, limit });
    return reading.whole ? [...this.#entries(reading.messages), ...recent] : undefined;
  }

  async snapshot(view: View, reason: Reason | undefined): Promise<readonly Frame[]> {
    const { definition, ring } = this.#parts;
    const why = reason === undefined ? {} : { reason };
    const here = this.here();
    const entries = ring.from(0);
    if (definition.past.kind === "whole") {
      const start = { ...here, position: entries[0] ? entries[0].position - 1 : here.position };
      const frames = entries.filter(({ item }) => shows(definition, item, view)).map(({ frame }) => frame);
      return [new Frame({ type: "snapshot", count: frames.length, ...why }, start), ...frames];
    }
    if (definition.past.kind === "folded") {
      const bodies = this.#fold?.snapshot((event) => shows(definition, event, view)) ?? [];
      return greetingOf(bodies, reason, here);
    }
    return greetingOf(definition.past.snapshot(await this.#newest(view, entries), view.query), reason, here);
  }

  /** The newest events that this view shows, from the ring and as far back in the journal as need be. */
  async #newest(view: View, entries: readonly Entry[]): Promise<unknown[]> {
    const { definition, ring, excerpt } = this.#parts;
    if (definition.past.kind !== "recent") return [];
    const wanted = definition.past.count(view.query);
    const shownOf = (list: readonly Entry[]) =>
      list.map(({ item }) => item).filter((event) => shows(definition, event, view));
    let events = shownOf(entries);
    let upTo = ring.floor.position;
    for (let page = 0; page < mostPages && events.length < wanted && upTo > 0; page++) {
      const older = await excerpt().recent({ upTo, limit: pageEvents });
      events = [...shownOf(this.#entries(older)), ...events];
      upTo = older.length < pageEvents ? 0 : (older[0]?.position ?? 1) - 1;
    }
    return wanted === 0 ? [] : events.slice(-wanted);
  }

  async #read(): Promise<Loaded> {
    const { definition, progress, journal, excerpt } = this.#parts;
    await progress.ready();
    const upTo = progress.position;
    if (definition.past.kind !== "recent") {
      const { messages } = await excerpt().read({ after: 0, upTo, limit: Number.MAX_SAFE_INTEGER });
      return { entries: this.#entries(messages), floor: 0, upTo };
    }
    const { most } = definition.past;
    const messages = await excerpt().recent({ upTo, limit: most });
    const oldest = messages.length < most ? (await journal().bounds()).first : (messages[0]?.position ?? 1);
    return { entries: this.#entries(messages), floor: Math.min(oldest - 1, upTo), upTo };
  }

  #entries(messages: readonly Stored[]): Entry[] {
    const { definition, progress } = this.#parts;
    const entries: Entry[] = [];
    for (const stored of messages) {
      const place: Cursor = { epoch: progress.epoch, position: stored.position, part: 0 };
      try {
        const item = itemOf(definition, addressOf(definition, stored), stored);
        entries.push(eventEntry(definition, item, place));
      } catch {
        // It was rejected aloud when it came; the past only leaves it out.
      }
    }
    return entries;
  }
}

interface FeedPastParts {
  readonly definition: FeedDefinition;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly journal: () => Journal;
  /** What of the journal is the channel's. */
  readonly excerpt: () => Excerpt;
  /** The names in the channel's path. */
  readonly names: Params;
  readonly ring: Ring;
  readonly replayFrames: number;
}
