import { Buffer } from "node:buffer";
import type { Bus } from "../bus/bus.ts";
import { inBackground, isolatedClock, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { type LogNews, type LogStep, logNewsSubject, logSubjects } from "../protocol/log.ts";
import { encodeToken } from "../protocol/subject.ts";
import { Discovery } from "./discovery.ts";
import type { Files } from "./files.ts";
import { type OpenLimits, OpenLog } from "./open-log.ts";
import { OpenLogs } from "./open-logs.ts";
import { Outlet } from "./outlet.ts";
import type { LogPattern } from "./pattern.ts";
import { encode, stepText } from "./payload.ts";
import type { Redaction } from "./redact.ts";
import { parseRequest } from "./request.ts";
import type { FollowRules } from "./rules.ts";

/** What a logs agent is made of. */
export interface AgentParts {
  readonly bus: Bus;
  readonly org: string;
  readonly pattern: LogPattern;
  readonly files: Files;
  readonly clock: Clock;
  readonly redaction: Redaction;
  /** Default: what `AgentLimits` says of each. */
  readonly limits?: Partial<AgentLimits>;
  /** Hears in words what a person should know. Default: nobody does. */
  readonly report?: (trouble: string) => void;
  /** Takes an exception that no request can answer for. Default: `console.error`. */
  readonly onException?: Report;
}

/** How much an agent does at most. */
export interface AgentLimits extends OpenLimits, FollowRules {
  /** How many logs are open at a time. Default 10,000. */
  readonly maxFollowed: number;
}

const defaults: AgentLimits = {
  batchMs: 100,
  batchBytes: 65_536,
  interestMs: 30_000,
  holdMs: 5_000,
  maxFollowed: 10_000,
  maxLineBytes: 65_536,
  flushPartialMs: 500,
  switchAfterMs: 300,
  lateMs: 5_000,
};

/**
 * Tells gateways of the logs on this machine: answers their requests, and publishes the steps of the logs they follow.
 *
 * A file is opened only when a gateway asks about it, and closed when none has for a while.
 */
export class LogsAgent {
  readonly #parts: AgentParts;
  readonly #clock: Clock;
  readonly #onException: Report;
  readonly #limits: AgentLimits;
  readonly #discovery: Discovery;
  readonly #outlet: Outlet;
  readonly #open: OpenLogs;
  /** How to stop answering for each log that was found. */
  readonly #known = new Map<string, Stop>();
  #stop: Stop = () => {};
  #isStarted = false;

  constructor(parts: AgentParts) {
    const { bus, pattern, redaction, limits, report = () => {}, onException = console.error } = parts;
    const clock = isolatedClock(parts.clock, onException);
    this.#parts = parts;
    this.#clock = clock;
    this.#onException = onException;
    // Half a line may be half a secret.
    this.#limits = { ...defaults, ...limits, ...(redaction.isActive && { flushPartialMs: 0 }) };
    this.#outlet = new Outlet(bus, report);
    const { maxFollowed } = this.#limits;
    this.#open = new OpenLogs({ clock, maxFollowed, make: (name) => this.#make(name), report: onException });
    this.#discovery = new Discovery({ pattern, clock, report, onException, found: (names) => this.#meet(names) });
  }

  /** How many logs there are. */
  get size(): number {
    return this.#known.size;
  }

  /** Looks for logs, and answers for them from then on. */
  async start(): Promise<void> {
    const { bus } = this.#parts;
    await this.#discovery.start();
    this.#isStarted = true;
    // Gateways that asked in vain ask again.
    this.#say({});
    this.#stop = bus.onState((state) => state === "up" && this.#say({}));
  }

  /** Stops answering and closes every file. */
  async close(): Promise<void> {
    this.#stop();
    this.#discovery.close();
    for (const stop of this.#known.values()) stop();
    this.#known.clear();
    await this.#open.close();
  }

  #meet(names: ReadonlySet<string>): void {
    for (const [name, stop] of this.#known) {
      if (names.has(name) || this.#open.get(name)) continue;
      this.#known.delete(name);
      stop();
    }
    for (const name of names) {
      if (this.#known.has(name)) continue;
      this.#known.set(name, this.#answerFor(name));
      if (this.#isStarted) this.#say({ appeared: name });
    }
  }

  #say(news: LogNews): void {
    const told = Promise.resolve(this.#outlet.publish(logNewsSubject(this.#parts.org), encode(news)));
    inBackground("telling of logs", told, this.#onException);
  }

  #answerFor(name: string): Stop {
    const { bus, org } = this.#parts;
    return bus.reply(logSubjects(org, encodeToken(name)).requests, ({ data }) => this.#answer(name, data));
  }

  async #answer(name: string, data: Uint8Array): Promise<Uint8Array> {
    const request = parseRequest(data);
    if (request.op === "leave") {
      // Who leaves neither has the log opened nor keeps it open.
      this.#open.get(name)?.interest.drop(request.by);
      return encode({});
    }
    return this.#open.use(name, (log) => log.answer(request));
  }

  #make(name: string): OpenLog {
    const { org, pattern, files, redaction } = this.#parts;
    const clock = this.#clock;
    const path = pattern.pathOf(name);
    if (path === undefined) throw new Failure("instance_not_found", "There is no such log");
    const { steps } = logSubjects(org, encodeToken(name));
    const publish = (step: LogStep) => this.#outlet.publish(steps, Buffer.from(stepText(step)));
    const limits = this.#limits;
    const rest = { limits, rules: limits, redaction, publish, report: this.#onException };
    return new OpenLog({ path, root: pattern.root, files, clock, ...rest });
  }
}
