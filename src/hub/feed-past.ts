import type { Stored } from "../bus/bus.ts";
import { endOfTurn } from "../bus/turn.ts";
import { BackgroundError, type Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { snapshotBytesMax } from "../protocol/limits.ts";
import type { FeedDefinition, Fold } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import type { Channel } from "./channel.ts";
import { portions } from "./cohort.ts";
import { addressOf, eventEntry, itemOf } from "./entry.ts";
import { EventCount } from "./event-count.ts";
import type { Excerpt } from "./excerpt.ts";
import { FeedLoad, type LoadedFeed } from "./feed-load.ts";
import { type Page, type PageSize, Pages } from "./pages.ts";
import { greetingOf, type Missed, type Past, type Reason, type Snapshot } from "./past.ts";
import type { Progress } from "./progress.ts";
import type { Entry, Ring, RingLimits } from "./ring.ts";
import { isUnfiltered, shows, type View } from "./view.ts";

/** How far back a filtered snapshot looks for events, in pages of at most so many events and bytes. */
const olderPage = { limit: 1000, maxBytes: 4 * 1024 * 1024 };
const mostOlderPages = 10;

/** How much of the journal is read at a time to count what is in it. */
const portion = { limit: 1000, maxBytes: 1024 * 1024 };

/** How soon a past that could not be read is asked for again. */
const retryMs = 500;

/** The past of a feed's channel: its ring, and before that the journal, which is read page by page and never kept. */
export class FeedPast implements Past {
  readonly #parts: FeedPastParts;
  readonly #pages: Pages;
  #loaded: Promise<void> = Promise.resolve();
  #load: FeedLoad | undefined;
  #isFailed = false;
  #isGreetingDue = false;
  #fold: Fold<unknown> | undefined;
  #events = new EventCount();
  #channel: Channel | undefined;

  constructor(parts: FeedPastParts) {
    this.#parts = parts;
    this.#pages = new Pages({
      excerpt: parts.excerpt,
      entriesOf: (messages) => this.#entries(messages),
      batchesOf: (entries) => portions(entries.map(({ frame }) => frame)),
    });
  }

  /** Becomes the past of a channel and reads it. */
  serve(channel: Channel): void {
    this.#channel = channel;
    this.#reload();
  }

  /** Reads the past again, because what was known of it does not hold, and greets everybody anew. */
  reload(): void {
    this.#isGreetingDue = true;
    this.#reload();
  }

  /** Hears of an event that has just come. False while the past is being read and will bring it. */
  heard(entry: Entry): boolean {
    if (this.#load) return this.#load.heard(entry);
    this.#count(entry);
    return true;
  }

  async ready(): Promise<void> {
    if (this.#isFailed) this.#reload();
    await this.#loaded;
  }

  async reach(cursor: Cursor): Promise<boolean> {
    const { progress, journal } = this.#parts;
    return cursor.epoch === progress.epoch && progress.reach(cursor.position, journal());
  }

  here(): Cursor {
    const { epoch, position } = this.#parts.progress;
    return { epoch, position, part: 0 };
  }

  async after(cursor: Cursor, view: View): Promise<Missed | undefined> {
    const { definition, ring, replayFrames } = this.#parts;
    const entries = ring.after(cursor);
    if (entries) return { entries };
    // A past that every newcomer is sent whole is never too long for one that comes back.
    const isWhole = definition.past.kind === "whole";
    const most = isWhole ? Number.POSITIVE_INFINITY : replayFrames;
    const known = isWhole && isUnfiltered(view) ? await this.#countAfter(cursor.position) : undefined;
    const count = known ?? (await this.#shownAfter(cursor.position, view, most));
    return count === undefined ? undefined : { count };
  }

  async page(position: number, size: PageSize = "write"): Promise<Page | undefined> {
    return this.#pages.after(position, this.#parts.ring.floor.position, size);
  }

  async snapshot(view: View, reason: Reason | undefined): Promise<Snapshot | undefined> {
    const { definition, ring } = this.#parts;
    if (definition.past.kind === "whole") return this.#wholeSnapshot(view, reason);
    const here = this.here();
    if (definition.past.kind === "folded") {
      const bodies = this.#fold?.snapshot((event) => shows(definition, event, view)) ?? [];
      return { frames: await greetingOf(bodies, reason, here) };
    }
    const newest = await this.#newest(view, ring.from(0));
    return { frames: await greetingOf(definition.past.snapshot(newest, view.query), reason, here) };
  }

  /** Counts the events, which follow page by page. */
  async #wholeSnapshot(view: View, reason: Reason | undefined): Promise<Snapshot | undefined> {
    const why = reason === undefined ? {} : { reason };
    const here = this.here();
    await this.#recountWhenCut();
    const { count, first } = this.#events;
    if (first === undefined) return { frames: [new Frame({ type: "snapshot", count, ...why }, here)] };
    const from = first - 1;
    const shown = isUnfiltered(view) ? count : await this.#shownAfter(from, view, Number.POSITIVE_INFINITY);
    if (shown === undefined) return undefined;
    return { frames: [new Frame({ type: "snapshot", count: shown, ...why }, { ...here, position: from })], from };
  }

  /** Retention may have removed the oldest events since they were counted. */
  async #recountWhenCut(): Promise<void> {
    const { ring, excerpt } = this.#parts;
    const { first } = this.#events;
    if (first === undefined || ring.after({ position: first - 1, part: 0 })) return;
    const kept = await excerpt().first();
    if (kept <= first) return;
    const events = new EventCount();
    let upTo = kept - 1;
    const add = (entries: readonly Entry[]) => {
      for (const entry of entries) events.add(entry);
      upTo = entries.at(-1)?.position ?? upTo;
    };
    for await (const entries of this.#entriesAfter(upTo)) {
      if (entries === undefined) return;
      add(entries);
    }
    // What has come meanwhile was counted among the old ones, and may not be in the ring yet.
    this.#channel?.flush();
    add(ring.after({ position: upTo, part: 0 }) ?? []);
    this.#events = events;
  }

  /** How many events come after a position, of which few are read; undefined when some that are to be read are gone. */
  async #countAfter(position: number): Promise<number | undefined> {
    const { excerpt } = this.#parts;
    const near = this.#events.near(position);
    let before = near.count;
    for (let from = near.from; from < position; ) {
      const { messages, lost, more } = await excerpt().read({ after: from, upTo: position, ...portion });
      if (lost) return undefined;
      before += this.#entries(messages).length;
      from = more ? (messages.at(-1)?.position ?? position) : position;
    }
    if ((await excerpt().first()) > position + 1) return undefined;
    return Math.max(0, this.#events.count - before);
  }

  /** How many frames after a position a view shows; undefined when some are gone, or there are more than `most`. */
  async #shownAfter(position: number, view: View, most: number): Promise<number | undefined> {
    const { definition } = this.#parts;
    let count = 0;
    for await (const entries of this.#entriesAfter(position)) {
      if (entries === undefined) return undefined;
      count += entries.filter(({ item }) => shows(definition, item, view)).length;
      if (count > most) return undefined;
    }
    return count;
  }

  /** The entries after a position up to the newest, list by list; the last one is undefined when some are gone. */
  async *#entriesAfter(position: number): AsyncGenerator<readonly Entry[] | undefined> {
    for (let from = position; ; ) {
      const { ring, excerpt } = this.#parts;
      const newest = ring.after({ position: from, part: 0 });
      if (newest) return yield newest;
      const upTo = ring.floor.position;
      const { messages, lost, more } = await excerpt().read({ after: from, upTo, ...portion });
      yield lost ? undefined : this.#entries(messages);
      if (lost) return;
      from = more ? (messages.at(-1)?.position ?? upTo) : upTo;
      // A bus in this process answers at once, and others have their turn, too.
      await endOfTurn();
    }
  }

  /** The newest events that this view shows, from the ring and as far back in the journal as need be. */
  async #newest(view: View, entries: readonly Entry[]): Promise<unknown[]> {
    const { definition, ring, excerpt } = this.#parts;
    if (definition.past.kind !== "recent") return [];
    const wanted = definition.past.count(view.query);
    const shownOf = (list: readonly Entry[]) => list.filter(({ item }) => shows(definition, item, view));
    let shown = shownOf(entries);
    const isEnough = () => shown.length >= wanted || sizeOf(shown) >= snapshotBytesMax;
    let upTo = ring.floor.position;
    for (let page = 0; page < mostOlderPages && !isEnough() && upTo > 0; page++) {
      const { messages, more } = await excerpt().recent({ upTo, ...olderPage });
      shown = [...shownOf(this.#entries(messages)), ...shown].slice(-wanted);
      upTo = more ? (messages[0]?.position ?? 1) - 1 : 0;
    }
    return wanted === 0 ? [] : shown.slice(-wanted).map(({ item }) => item);
  }

  /** Reads what a newcomer may need; the channel is held until then. */
  #reload(): void {
    const { definition, progress, excerpt, limits, names, report, reject } = this.#parts;
    const entriesOf = (messages: readonly Stored[]) => this.#entries(messages, reject);
    const overflowed = () => this.#channel?.hold();
    const load = new FeedLoad({ definition, progress, excerpt, limits, names, entriesOf, overflowed });
    this.#load = load;
    this.#isFailed = false;
    this.#pages.clear();
    this.#channel?.hold();
    this.#loaded = load.run().then((loaded) => {
      if (load === this.#load) this.#finish(loaded);
    });
    this.#loaded.catch((thrown: unknown) => {
      if (!(thrown instanceof Failure)) report(new BackgroundError("reading the past of a stream", thrown));
      if (load === this.#load) this.#fail();
    });
  }

  #finish(loaded: LoadedFeed): void {
    this.#fold = loaded.fold;
    this.#events = loaded.events;
    for (const entry of loaded.early) this.#count(entry);
    this.#load = undefined;
    // Snapshots go first: a client with a gap must not receive a later event before its resync.
    if (this.#isGreetingDue) this.#channel?.greetAll("resync");
    this.#isGreetingDue = false;
    this.#channel?.release(loaded);
  }

  #count(entry: Entry): void {
    if (this.#events.add(entry)) this.#fold?.add(entry.item);
  }

  #fail(): void {
    this.#isFailed = true;
    this.#parts.clock.after(retryMs, () => {
      if (this.#isFailed && this.#channel?.isIdle === false) this.#reload();
    });
  }

  /** The entries of stored messages, up to the one that ends the stream; what fails its schema is left out, and rejected once. */
  #entries(messages: readonly Stored[], reject: FeedPastParts["reject"] = () => {}): Entry[] {
    const { definition, progress } = this.#parts;
    const entries: Entry[] = [];
    for (const stored of messages) {
      const place: Cursor = { epoch: progress.epoch, position: stored.position, part: 0 };
      try {
        const entry = eventEntry(definition, itemOf(definition, addressOf(definition, stored), stored), place);
        entries.push(entry);
        if (entry.last) break;
      } catch (thrown) {
        reject(stored, Failure.from(thrown));
      }
    }
    return entries;
  }
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { frame }) => sum + frame.json.length, 0);
}

interface FeedPastParts {
  readonly definition: FeedDefinition;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly journal: () => { bounds(): Promise<{ epoch: string; first: number; last: number }> };
  /** What of the journal is the channel's. */
  readonly excerpt: () => Excerpt;
  /** The names in the channel's path. */
  readonly names: Params;
  readonly ring: Ring;
  readonly limits: RingLimits;
  readonly replayFrames: number;
  readonly report: Report;
  /** Takes a message that fails its schema; one that was taken before is ignored. */
  readonly reject: (stored: Stored, failure: Failure) => void;
}
