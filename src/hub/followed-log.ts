import { failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import type { LogStep } from "../protocol/log.ts";
import type { LogDefinition } from "../stream/define.ts";
import { Channel } from "./channel.ts";
import { LogLine } from "./log-line.ts";
import { LogPast, stepEntries } from "./log-past.ts";
import type { RemoteLog } from "./remote-log.ts";
import { Ring } from "./ring.ts";
import type { SourceParts } from "./source.ts";
import type { Tally } from "./tally.ts";

/** One log that somebody follows: its channel, and the line to the logs agent that feeds it. */
export class FollowedLog {
  readonly channel: Channel;
  /** Rejects when there is no such log, when it may not be read, or when nobody can say. */
  readonly opened: Promise<void>;
  readonly #line: LogLine;
  readonly #name: string;
  /** Why it is over. */
  #failure: Failure | undefined;
  #told = 0;

  constructor({ definition, name, remote, by, parts, tally, isRegistered }: FollowedLogParts) {
    const { bus, clock, limits, openings } = parts;
    this.#name = name;
    this.#line = new LogLine({
      remote,
      by,
      clock,
      report: parts.report,
      subscribe: (subject, listener) => bus.subscribe(subject, listener),
      listener: {
        steps: (steps) => this.#tell(steps),
        restart: () => this.#restart(),
        refuse: (failure) => this.end(failure),
      },
      reject: (data, failure) =>
        parts.reject(definition, { subject: remote.steps, data, position: 0, atMs: clock.now() }, failure),
    });
    this.opened = this.#open(isRegistered);
    const ring = new Ring(limits);
    const place = () => this.#line.place;
    const past = new LogPast({
      definition,
      remote,
      ring,
      replayFrames: limits.replayFrames,
      place,
      ready: () => this.#ready(),
    });
    this.channel = new Channel({ definition, ring, past, limits, openings, tally });
    this.channel.release({ entries: [], floor: 0, upTo: 0 });
  }

  /** Whether it has ended for good; the next who asks begins anew. */
  get isOver(): boolean {
    return this.#failure !== undefined;
  }

  /** An agent may be there now that was not before. */
  askAgain(): void {
    this.#line.askAgain();
  }

  /** The file has just come into being. */
  appeared(): void {
    this.#line.appeared();
  }

  /** Nobody may follow it any more, and everybody is told why. */
  end(failure: Failure): void {
    this.#failure = failure;
    this.channel.endAll(failed(failure));
  }

  close(): void {
    this.#line.close();
  }

  async #open(isRegistered: () => Promise<boolean>): Promise<void> {
    try {
      await this.#line.open();
    } catch (thrown) {
      const { code } = Failure.from(thrown);
      const isNowhere = code === "no_responder" || code === "instance_not_found";
      if (!isNowhere) throw thrown;
      if (!(await isRegistered())) throw new Failure("instance_not_found", `No instance named '${echoed(this.#name)}'`);
      this.#line.expectNothing();
    }
  }

  async #ready(): Promise<void> {
    if (this.#failure) throw this.#failure;
    await this.opened;
    await this.#line.settled;
  }

  #tell(steps: readonly LogStep[]): void {
    for (const step of steps) {
      this.#told += 1;
      this.channel.push(stepEntries(step, this.#told));
    }
  }

  #restart(): void {
    this.channel.hold();
    this.channel.release({ entries: [], floor: this.#told, upTo: this.#told });
    this.channel.greetAll("resync");
  }
}

interface FollowedLogParts {
  readonly definition: LogDefinition;
  readonly name: string;
  readonly remote: RemoteLog;
  /** Names this gateway among those who follow the log. */
  readonly by: string;
  readonly parts: SourceParts;
  readonly tally: Tally;
  readonly isRegistered: () => Promise<boolean>;
}
