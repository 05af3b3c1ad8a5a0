import { Batch } from "../protocol/batch.ts";
import type { End } from "../protocol/end.ts";
import { Failure, type FailureCode } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { echoed } from "../protocol/limits.ts";
import { type ClientMessage, maybeTextIn, textIn } from "../protocol/message.ts";
import { parseVector } from "../protocol/vector.ts";
import { attempt, type Company, isWorthTelling } from "./attempt.ts";
import type { Granted, Guest, ManyAdmission } from "./guest.ts";
import type { Attempt } from "./member.ts";
import { type Manner, Members } from "./members.ts";
import type { Opened, Outlet, Script } from "./script.ts";

/** How many streams a connection may follow at once. */
const mostStreams = 128;

/** The longest name of a stream, path and query, in UTF-16 code units. */
const longestName = 1024;

/** Many streams on one connection: every frame says which of them it belongs to. */
export class Mux implements Script, Manner {
  readonly #company: Company;
  readonly #members: Members;

  constructor(outlet: Outlet, company: Company) {
    this.#company = company;
    const { vector, isFixed, report } = company;
    this.#members = new Members({ outlet, manner: this, vector, isFixed, report });
  }

  take(attempts: readonly Attempt[]): this {
    for (const one of attempts) this.#members.take(one);
    return this;
  }

  get behind(): number {
    return this.#members.behind;
  }

  receive(message: ClientMessage): void {
    const { stream: _, ...own } = message;
    const stream = textIn(message, "stream");
    if (stream.length > longestName) return this.#refuse(stream, "unknown_stream", tooLong);
    if (message.type === "subscribe") return this.#subscribe(stream, maybeTextIn(message, "since"));
    const member = this.#members.get(stream);
    if (!member) return this.#refuse(stream, "conflict", "This stream is not followed here; subscribe to it first");
    if (message.type !== "unsubscribe") return member.receive(own);
    this.#members.drop(stream);
    this.#members.say(unsubscribed.within(stream));
  }

  drained(): void {
    this.#members.drained();
  }

  gone(): void {
    this.#members.gone();
  }

  dress(name: string, batch: Batch): Batch {
    return batch.within(name);
  }

  farewell(name: string, { frame, reason }: End): Batch {
    const last = new Frame({ type: "unsubscribed", reason });
    return new Batch(frame ? [frame, last] : [last]).within(shown(name));
  }

  #subscribe(stream: string, since: string | undefined): void {
    if (this.#members.get(stream)) {
      return this.#refuse(stream, "conflict", "This stream is followed here already; nothing has changed");
    }
    this.#members.take(ask({ stream, since, before: this.#members.size }, this.#company));
  }

  /** Says that something could not be done, and that nothing has changed. */
  #refuse(stream: string, code: FailureCode, text: string): void {
    this.#members.say(new Batch([new Failure(code, text).frame]).within(shown(stream)));
  }
}

const tooLong = `The name of a stream has at most ${longestName} characters`;

/** The name of a stream as answers have it: whole, unless it can be no stream's. */
function shown(name: string): string {
  return name.length > longestName ? echoed(name) : name;
}

const unsubscribed = new Batch([new Frame({ type: "unsubscribed" })]);

/** Finds the streams that an address names; where nothing can be added later, at least one of them. Throws the Failure. */
export async function openMany({ streams, since }: ManyAdmission, company: Company): Promise<Opened> {
  const { isFixed } = company;
  if (isFixed && streams.length === 0)
    throw new Failure("bad_query", 'Query parameter "stream": must name a stream, and may be given several times');
  const known = since === undefined ? undefined : parseVector(since);
  const inside: Company = { ...company, standing: known };
  const attempts = streams.map((stream, before) => {
    const own = known && (known(stream) ?? "");
    return ask({ stream, since: own, before }, inside);
  });
  const isOver = isFixed && !(await isWorthTelling(attempts));
  return { isOver, begin: (outlet) => new Mux(outlet, company).take(attempts) };
}

interface Asked {
  readonly stream: string;
  readonly since: string | undefined;
  /** How many streams there are before this one. */
  readonly before: number;
}

function ask({ stream, since, before }: Asked, company: Company): Attempt {
  const grant = () => {
    if (stream.length > longestName) throw new Failure("unknown_stream", tooLong);
    if (before >= mostStreams)
      throw new Failure("too_many_subscriptions", `A connection may follow ${mostStreams} streams; use another one`);
    return subscribe(company.guest, stream, since);
  };
  return attempt({ name: stream, place: stream, grant }, { ...company, within: stream });
}

function subscribe(guest: Guest, stream: string, since: string | undefined): Granted {
  const [path = "", ...rest] = stream.split("?");
  const search = new URLSearchParams(rest.join("?"));
  if (path === "") throw new Failure("unknown_stream", `No stream "${echoed(stream)}"`);
  return guest.subscribe({ path, search, since: since ?? search.get("since") ?? undefined });
}
