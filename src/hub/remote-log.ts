import type { Bus } from "../bus/bus.ts";
import {
  type LogBacklog,
  type LogBytes,
  type LogPlace,
  type LogReading,
  type LogRequest,
  logSubjects,
} from "../protocol/log.ts";
import { encodeToken } from "../protocol/subject.ts";
import { parseBacklog, parseBytes, parsePlace, parseReading } from "../stream/log.ts";

const patienceMs = 5000;
const utf8 = new TextEncoder();

/**
 * One log, as the logs agent that has its file tells of it.
 *
 * Every method throws `no_responder` when no agent knows the log, `instance_not_found` when its file is gone, `forbidden`
 * when the file lies where it may not, `bus_away` when no answer comes within five seconds.
 */
export class RemoteLog {
  /** Where its steps are published. */
  readonly steps: string;
  readonly #bus: Bus;
  readonly #requests: string;

  constructor(bus: Bus, org: string, name: string) {
    const { steps, requests } = logSubjects(org, encodeToken(name));
    this.#bus = bus;
    this.steps = steps;
    this.#requests = requests;
  }

  /** Has its steps published for the next half minute; gives the place where they begin, null while there is no file. */
  async follow(by: string): Promise<LogPlace | null> {
    return parsePlace(await this.#ask({ op: "follow", by }));
  }

  /** Says that `by` follows no more. */
  async leave(by: string): Promise<void> {
    await this.#ask({ op: "leave", by });
  }

  /** The steps from one place to another, or as many as fit into an answer. */
  async after(since: LogPlace | null, upTo?: LogPlace): Promise<LogReading> {
    return parseReading(await this.#ask({ op: "after", since, ...(upTo && { upTo }) }));
  }

  /** The newest lines before a place; before where the next step begins when none is given. */
  async backlog(lines: number, upTo?: LogPlace): Promise<LogBacklog> {
    return parseBacklog(await this.#ask({ op: "backlog", lines, ...(upTo && { upTo }) }));
  }

  /** A piece of the file. */
  async bytes(from: number, generation?: string): Promise<{ readonly head: LogBytes; readonly bytes: Uint8Array }> {
    return parseBytes(await this.#ask({ op: "bytes", from, ...(generation !== undefined && { generation }) }));
  }

  #ask(request: LogRequest): Promise<Uint8Array> {
    return this.#bus.request(this.#requests, utf8.encode(JSON.stringify(request)), patienceMs);
  }
}
