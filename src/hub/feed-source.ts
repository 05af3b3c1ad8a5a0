import type { Follower, Journal, Stored } from "../bus/bus.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { FrameBody } from "../protocol/frame.ts";
import { subjectOf } from "../protocol/subject.ts";
import { isoTime } from "../stream/accept.ts";
import type { FeedDefinition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { journalOf, paramsOf, tailOf, tailsOf } from "../stream/subject.ts";
import { Channel } from "./channel.ts";
import { addressOf, eventEntry, itemOf, repeatEntry } from "./entry.ts";
import { Excerpt } from "./excerpt.ts";
import { FeedPast } from "./feed-past.ts";
import { Progress } from "./progress.ts";
import { type Entry, Ring } from "./ring.ts";
import type { SourceParts } from "./source.ts";

/** A feed's journal, read once per process: checks every event and hands it to the channel that it belongs to. */
export class FeedSource implements Follower {
  readonly definition: FeedDefinition;
  readonly #parts: SourceParts;
  readonly #progress: Progress;
  readonly #channels = new Map<string, Line>();
  #journal: Journal | undefined;

  constructor(definition: FeedDefinition, parts: SourceParts) {
    this.definition = definition;
    this.#parts = parts;
    this.#progress = new Progress(parts.clock);
  }

  get isReady(): boolean {
    return this.#progress.isLevel;
  }

  async start(): Promise<Stop> {
    const { bus, clock } = this.#parts;
    const { repeat } = this.definition;
    this.#journal = await bus.journal(journalOf(this.definition));
    const stopReading = this.#journal.follow(this);
    const stopRepeating = repeat && clock.every(repeat.everyMs, () => this.#say(repeat.frame(isoTime(clock.now()))));
    return () => {
      stopReading();
      stopRepeating?.();
    };
  }

  /** The channel of an org and parameters; it begins to listen at once. */
  channel(org: string, params: Params): Channel {
    const subject = subjectOf(org, tailOf(this.definition, params));
    const known = this.#channels.get(subject);
    if (known) return known.channel;
    const line = this.#open(org, params);
    this.#channels.set(subject, line);
    this.#parts.lingering.watch(line.channel, () => this.#channels.delete(subject));
    return line.channel;
  }

  *channels(): Iterable<Channel> {
    for (const { channel } of this.#channels.values()) yield channel;
  }

  begin(epoch: string): void {
    if (this.#progress.begin(epoch)) this.#reload();
  }

  message(stored: Stored): void {
    this.#progress.advance(stored.position);
    const place = { epoch: this.#progress.epoch, position: stored.position, part: 0 };
    try {
      const address = addressOf(this.definition, stored);
      const event = itemOf(this.definition, address, stored);
      const subject = subjectOf(address.org, tailOf(this.definition, paramsOf(this.definition, address.names)));
      this.#channels.get(subject)?.take(eventEntry(this.definition, event, place));
    } catch (thrown) {
      this.#parts.reject(this.definition, stored, Failure.from(thrown));
    }
  }

  level(position: number): void {
    this.#progress.level(position);
  }

  gap(position: number): void {
    this.#progress.advance(position);
    this.#reload();
  }

  /** Says something to whoever listens. */
  #say(body: FrameBody): void {
    const { position } = this.#progress;
    for (const { channel } of this.#channels.values()) {
      if (!channel.isIdle) channel.push([repeatEntry(body, undefined, position)]);
    }
  }

  #open(org: string, names: Params): Line {
    const { limits, tallies, clock, openings, report } = this.#parts;
    const { definition } = this;
    const ring = new Ring(limits);
    const { replayFrames } = limits;
    const subjects = tailsOf(definition, names).map((tail) => subjectOf(org, tail));
    const journal = () => this.#openJournal();
    const excerpt = () => new Excerpt(journal(), subjects);
    const progress = this.#progress;
    const reject = (stored: Stored, failure: Failure) => this.#parts.reject(definition, stored, failure);
    const own = { names, ring, limits, replayFrames, report, reject };
    const past = new FeedPast({ definition, clock, progress, journal, excerpt, ...own });
    const channel = new Channel({ definition, ring, past, limits, openings, tally: tallies.of(org) });
    past.serve(channel);
    const take = (entry: Entry) => {
      if (past.heard(entry)) channel.push([entry]);
    };
    return { channel, past, take };
  }

  #reload(): void {
    for (const { past } of this.#channels.values()) past.reload();
  }

  #openJournal(): Journal {
    if (this.#journal) return this.#journal;
    throw new Failure("bus_away", "The bus is away; try again");
  }
}

interface Line {
  readonly channel: Channel;
  readonly past: FeedPast;
  readonly take: (entry: Entry) => void;
}
