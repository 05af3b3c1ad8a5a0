import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { logNewsTail } from "../protocol/log.ts";
import { anyOrg, encodeToken, splitSubject, subjectOf } from "../protocol/subject.ts";
import type { LogDefinition } from "../stream/define.ts";
import { parseNews } from "../stream/log.ts";
import { type Params, Pattern } from "../stream/path.ts";
import { tailOf } from "../stream/subject.ts";
import type { Channel } from "./channel.ts";
import { FollowedLog } from "./followed-log.ts";
import { RemoteLog } from "./remote-log.ts";
import type { SourceParts } from "./source.ts";

/** The table that says which logs there may be. */
export interface Registry {
  /** Settles when the table has been read. Throws `bus_away`. */
  ready(): Promise<void>;
  has(subject: string): boolean;
  /** Calls `listener` with the subject of every row that is deleted. */
  onDelete(listener: (subject: string) => void): void;
}

/** The logs of a definition, each followed while somebody looks at it. */
export class LogSource {
  readonly definition: LogDefinition;
  readonly #parts: SourceParts;
  readonly #registry: Registry | undefined;
  readonly #registryPattern: Pattern;
  readonly #by: string;
  /** By what the log's steps are published under. */
  readonly #logs = new Map<string, { readonly row: string; readonly org: string; readonly log: FollowedLog }>();

  constructor(definition: LogDefinition, parts: SourceParts, registry: Registry | undefined) {
    this.definition = definition;
    this.#parts = parts;
    this.#registry = registry;
    this.#registryPattern = new Pattern(definition.registry, ".");
    this.#by = parts.gateway;
    registry?.onDelete((subject) => this.#delete(subject));
  }

  get isReady(): boolean {
    return true;
  }

  async start(): Promise<Stop> {
    const { bus } = this.#parts;
    const stops = [
      bus.subscribe(anyOrg(logNewsTail), ({ subject, data }) => this.#hearNews(subject, data)),
      bus.onState((state) => {
        if (state === "up") for (const { log } of this.#logs.values()) log.askAgain();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      for (const { log } of this.#logs.values()) log.close();
    };
  }

  /** The channel of an org and parameters; it begins to listen at once. */
  channel(org: string, params: Params): Channel {
    const subject = subjectOf(org, tailOf(this.definition, params));
    const known = this.#logs.get(subject);
    if (known && !known.log.isOver) return known.log.channel;
    const row = subjectOf(org, this.#registryPattern.fill((name) => encodeToken(params[name] ?? "")).join("."));
    const log = this.#open(org, params, row);
    this.#logs.set(subject, { row, org, log });
    this.#parts.lingering.watch(log.channel, () => {
      this.#drop(subject, log);
      return true;
    });
    // What awaits `opened` gets the reason.
    log.opened.catch(() => this.#drop(subject, log));
    return log.channel;
  }

  *channels(): Iterable<Channel> {
    for (const { log } of this.#logs.values()) yield log.channel;
  }

  #open(org: string, params: Params, row: string): FollowedLog {
    const { definition } = this;
    const [name = ""] = definition.subjectPattern.names.map((found) => params[found] ?? "");
    const isRegistered = async () => {
      await this.#registry?.ready();
      return this.#registry?.has(row) === true;
    };
    const remote = new RemoteLog(this.#parts.bus, org, name);
    const tally = this.#parts.tallies.of(org);
    return new FollowedLog({ definition, name, remote, by: this.#by, parts: this.#parts, tally, isRegistered });
  }

  #drop(subject: string, log: FollowedLog): void {
    if (this.#logs.get(subject)?.log === log) this.#logs.delete(subject);
    log.channel.isDropped = true;
    log.close();
  }

  #delete(row: string): void {
    for (const [subject, entry] of this.#logs) {
      if (entry.row !== row) continue;
      entry.log.end(new Failure("instance_deleted", "The instance was deleted"));
      this.#drop(subject, entry.log);
    }
  }

  #hearNews(subject: string, data: Uint8Array): void {
    const org = splitSubject(subject)?.org;
    let place: string | undefined;
    try {
      const { appeared } = parseNews(data);
      if (org !== undefined && appeared !== undefined) place = this.#subject(org, appeared);
    } catch (thrown) {
      return this.#parts.reject(
        this.definition,
        { subject, data, position: 0, atMs: this.#parts.clock.now() },
        Failure.from(thrown),
      );
    }
    if (org === undefined) return;
    if (place !== undefined) return this.#logs.get(place)?.log.appeared();
    for (const entry of this.#logs.values()) if (entry.org === org) entry.log.askAgain();
  }

  #subject(org: string, name: string): string {
    const { definition } = this;
    return subjectOf(org, definition.subjectPattern.fill(() => encodeToken(name)).join("."));
  }
}
