import type { Bus, Journal, Stored } from "../bus/bus.ts";
import { BackgroundError, inBackground } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Opening } from "../protocol/opening.ts";
import { anyOrg, splitSubject, subjectOf } from "../protocol/subject.ts";
import type { Definition, LogDefinition, SourcedDefinition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import type { Channel } from "./channel.ts";
import type { Member } from "./cohort.ts";
import { FeedSource } from "./feed-source.ts";
import { Lingering } from "./linger.ts";
import { LogSource } from "./log-source.ts";
import { OpeningCache } from "./opening-cache.ts";
import type { HubLimits, SourceParts } from "./source.ts";
import { TableSource } from "./table-source.ts";
import { Tallies, type Tally } from "./tally.ts";

const dayMs = 24 * 60 * 60 * 1000;
const sweepMs = 1000;

/** How much of a rejected body its report shows. */
const mostRejectedBytes = 64 * 1024;

/** How one message reaches many: a source per stream, a channel per org and parameters, a session per client. */
export class Hub {
  readonly tallies: Tallies;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #limits: HubLimits;
  readonly #report: (fault: unknown) => void;
  readonly #sources: readonly Source[];
  readonly #stops: Stop[] = [];
  readonly #slow = new Map<Member, { bytes: number; sinceMs: number }>();
  readonly #quarantine = new Quarantine();
  #rejected: Journal | undefined;
  readonly #opening = new Opening(() => this.#openAll());

  constructor(definitions: readonly Definition[], parts: HubParts) {
    const { bus, clock, limits, report, gateway } = parts;
    // Rooms are channels of their feed, which is a definition by itself.
    const sourced = definitions.filter((definition) => definition.kind !== "rooms");
    refuseRivals(sourced);
    this.#bus = bus;
    this.#clock = clock;
    this.#limits = limits;
    this.#report = report;
    this.tallies = new Tallies(parts);
    const { tallies } = this;
    const openings = new OpeningCache();
    const lingering = new Lingering({ clock, lingerMs: limits.lingerMs });
    const reject: SourceParts["reject"] = (...rejection) => this.#reject(...rejection);
    const shared = { tallies, openings, lingering, gateway, report, reject };
    this.#sources = sourcesOf(sourced, { bus, clock, limits, ...shared });
  }

  /** Whether every stream can be served and the bus is up. */
  get isReady(): boolean {
    return this.#opening.isOpen && this.#bus.state === "up" && this.#sources.every(({ isReady }) => isReady);
  }

  /**
   * Opens every stream on the bus; while the bus is away it returns, and opens them as soon as the bus is up.
   *
   * Throws when the bus will never do, for example because a stream there has another configuration.
   */
  async start(): Promise<void> {
    this.#stops.push(this.#clock.every(sweepMs, () => this.#sweep()));
    this.#stops.push(
      this.#bus.onState((state) => {
        if (state === "up") inBackground("opening the streams", this.#opening.open(), this.#report);
      }),
    );
    await this.#opening.open();
  }

  /** The channel of a stream for an org and parameters. */
  channel(definition: SourcedDefinition, org: string, params: Params): Channel {
    const source = this.#sources.find((candidate) => candidate.definition === definition);
    if (!source) throw new Failure("unknown_stream", "No such stream");
    return source.channel(org, params);
  }

  /** Stops reading; the sessions are the transports' to end. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async #openAll(): Promise<void> {
    const opened: Stop[] = [];
    try {
      this.#rejected = await this.#bus.journal({ name: "rejected", subjects: [anyOrg("rejected.>")], keepMs: dayMs });
      for (const source of this.#sources) opened.push(await source.start());
      this.#stops.push(...opened);
    } catch (thrown) {
      for (const stop of opened) stop();
      throw thrown;
    }
  }

  #reject(definition: SourcedDefinition, stored: Stored, { message, cause }: Failure): void {
    const parts = splitSubject(stored.subject);
    const { subject, position, atMs } = stored;
    // What is no fault of the body is one of ours.
    if (cause !== undefined) {
      this.#report(new BackgroundError(`following ${definition.store}, ${subject} at position ${position}`, cause));
    }
    // Every gateway rejects the same message; the id makes it one report.
    const id = `rejected-${definition.store}-${position}-${atMs}`;
    if (position > 0 && !this.#quarantine.isNew(id)) return;
    const { rejected } = this.tallies.of(parts?.org ?? "");
    rejected.set(definition.path, (rejected.get(definition.path) ?? 0) + 1);
    if (!parts || !this.#rejected) return;
    const body =
      definition.rejectedBody === "shown"
        ? { body: new TextDecoder().decode(stored.data.subarray(0, mostRejectedBytes)) }
        : {};
    const report = { subject, position, stored_at: new Date(atMs).toISOString(), reason: message, ...body };
    const data = new TextEncoder().encode(JSON.stringify(report));
    // A bus that is away hears of it at the next reading of the stream, or not: the metric has it.
    this.#rejected.append(subjectOf(parts.org, `rejected.${parts.tail}`), data, id).catch(() => {});
  }

  /** Ends the sessions whose clients have accepted no byte for too long. */
  #sweep(): void {
    const now = this.#clock.now();
    const waiting = new Map<Member, Tally>();
    for (const source of this.#sources) {
      for (const channel of source.channels()) {
        for (const session of channel.waiting()) waiting.set(session, channel.tally);
      }
    }
    for (const session of this.#slow.keys()) if (!waiting.has(session)) this.#slow.delete(session);
    for (const [session, tally] of waiting) {
      const bytes = session.pendingBytes;
      const known = this.#slow.get(session);
      if (known?.bytes !== bytes) this.#slow.set(session, { bytes, sinceMs: now });
      else if (now - known.sinceMs >= this.#limits.stuckAfterMs) {
        tally.stuck += 1;
        session.end(ends.stuck);
      }
    }
  }
}

/** How many rejected messages are remembered. */
const mostQuarantined = 10_000;

/** The messages that were rejected: a table is read again after every interruption, and each is to be reported once. */
class Quarantine {
  readonly #ids = new Set<string>();

  /** Whether it was not rejected before, as far as that is remembered. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > mostQuarantined && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}

interface HubParts {
  /** Names this gateway among all that there are. */
  readonly gateway: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: HubLimits;
  /** Hears of a bus that turned out, after the start, not to do. */
  readonly report: (fault: unknown) => void;
  /** A steady time in milliseconds, with fractions. */
  readonly stopwatch: () => number;
}

type Source = TableSource | FeedSource | LogSource;

function sourcesOf(definitions: readonly SourcedDefinition[], parts: SourceParts): Source[] {
  const tables = definitions.filter((found) => found.kind === "table").map((table) => new TableSource(table, parts));
  const feeds = definitions.filter((found) => found.kind === "feed").map((feed) => new FeedSource(feed, parts));
  const registryOf = ({ registry }: LogDefinition) => tables.find(({ definition }) => definition.subject === registry);
  const logs = definitions
    .filter((found) => found.kind === "log")
    .map((log) => new LogSource(log, parts, registryOf(log)));
  return [...tables, ...feeds, ...logs];
}

function ownedIn(definition: SourcedDefinition): string | undefined {
  return definition.kind === "table" ? definition.ownedSubject : undefined;
}

/** Two streams may read one store, but not two stores of one name. Throws TypeError. */
function refuseRivals(definitions: readonly SourcedDefinition[]): void {
  const known = new Map<string, SourcedDefinition>();
  for (const definition of definitions) {
    const rival = known.get(definition.store) ?? definition;
    const isSame =
      rival.kind === definition.kind && rival.subject === definition.subject && ownedIn(rival) === ownedIn(definition);
    if (!isSame)
      throw new TypeError(`Streams "${rival.path}" and "${definition.path}" share the store "${definition.store}"`);
    known.set(definition.store, definition);
  }
}
