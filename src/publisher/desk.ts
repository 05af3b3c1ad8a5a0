import type { z } from "zod";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { LetterMetadata } from "../protocol/letter.ts";
import { encodeToken } from "../protocol/subject.ts";
import type { Parcel } from "./lane.ts";
import { type Drop, Outbox, type OutboxParts, type Tally } from "./outbox.ts";
import type { MailOutlet, Outlet, Receipt } from "./outlet.ts";

/** Something to publish: where, what, and by which schema it is checked. */
export interface Statement<Body> {
  /** What its subject is made of: `["runs", "r1"]`. */
  readonly names: readonly string[];
  readonly schema: z.ZodType<unknown, Body>;
  readonly body: Body;
  /** What the body says besides; it needs no check. */
  readonly also?: Readonly<Record<string, unknown>>;
  readonly id?: string | undefined;
}

/** What a desk is made of. */
export interface DeskParts extends Omit<OutboxParts, "width" | "keepsOrder"> {
  readonly outlet: Outlet;
  /** Where messages between agents go; undefined where there is no gateway to take them. */
  readonly mail: MailOutlet | undefined;
}

/** Streams that are tables: whoever publishes there says what is true now. */
const tables: ReadonlySet<string> = new Set(["instances", "mission", "swarm"]);
/** Streams of events that may be sent many at a time; those that are not known here go one by one. */
const feeds: ReadonlySet<string> = new Set([
  ...["runs", "graph", "messages", "tasks"],
  ...["attacks", "jobs", "agents", "cracks"],
]);

const utf8 = new TextEncoder();
/** What a message takes in memory besides its body. */
const overheadBytes = 256;

/** Checks what is to be published, gives it an id and the time, and hands it on. */
export class Desk {
  readonly clock: Clock;
  readonly #parts: DeskParts;
  readonly #events: Outbox<Receipt>;
  readonly #letters: Outbox<LetterMetadata>;

  constructor(parts: DeskParts) {
    const { outlet, mail } = parts;
    this.clock = parts.clock;
    this.#parts = parts;
    this.#events = new Outbox({ ...parts, width: outlet.width, keepsOrder: outlet.keepsOrder });
    this.#letters = new Outbox({ ...parts, width: mail?.width ?? 1, keepsOrder: false });
    outlet.onUp(() => this.#events.wake());
  }

  /** Whether nobody took what was sent last. */
  get isAway(): boolean {
    return this.#events.isAway;
  }

  get tally(): Tally {
    return sum(this.#events.tally, this.#letters.tally);
  }

  /** Publishes something that happened, with the time when it did. */
  event<Body>({ also, ...statement }: Statement<Body>): Promise<Receipt> {
    const timestamp = new Date(this.clock.now()).toISOString();
    return this.state({ ...statement, also: { ...also, timestamp } });
  }

  /** Publishes what is true now. */
  state<Body>({ names, schema, body, also, id = crypto.randomUUID() }: Statement<Body>): Promise<Receipt> {
    const label = { tail: tailOf(names), id };
    const checked = checkedBody({ names, schema, body, also: also ?? {} });
    if (checked instanceof Failure) return this.#events.refuse(label, checked);
    return this.#events.add(this.#parcel(names, checked, label));
  }

  /** Deletes a row of a table. */
  remove(names: readonly string[]): Promise<Receipt> {
    const label = { tail: tailOf(names), id: crypto.randomUUID() };
    const fault = faultIn(names);
    if (fault) return this.#events.refuse(label, fault);
    return this.#events.add(this.#parcel(names, new Uint8Array(0), label));
  }

  /** Sends a message to another agent. */
  letter<Body extends { from: string; to: string }>(
    schema: z.ZodType<unknown, Body>,
    draft: Body,
  ): Promise<LetterMetadata> {
    const { mail } = this.#parts;
    const label = { tail: "letters", id: crypto.randomUUID() };
    if (mail === undefined) return this.#letters.refuse(label, new Failure("bad_request", nobodyTakesMail));
    const body = checkedBody({ names: ["letters", "new"], schema, body: draft, also: {} });
    if (body instanceof Failure) return this.#letters.refuse(label, body);
    const send = () => mail.send({ body, id: label.id });
    const lane = JSON.stringify([draft.from, draft.to]);
    return this.#letters.add({ ...label, lane, order: "one by one", bytes: body.length + overheadBytes, send });
  }

  /** Settles when everything so far is stored or dropped, or the time is up. */
  async flush(deadlineMs: number): Promise<Tally> {
    await Promise.all([this.#events.flush(deadlineMs), this.#letters.flush(deadlineMs)]);
    return this.tally;
  }

  /** Drops what is still waiting, and tells it. */
  abandon(failure: Failure): void {
    this.#events.close(failure);
    this.#letters.close(failure);
  }

  /** Drops what is still waiting, and hangs up. */
  async close(failure: Failure): Promise<void> {
    this.abandon(failure);
    await this.#parts.outlet.close();
    await this.#parts.mail?.close();
  }

  #parcel(names: readonly string[], body: Uint8Array, { tail, id }: Omit<Drop, "failure">): Parcel<Receipt> {
    const { outlet } = this.#parts;
    const [head = ""] = names;
    const order = tables.has(head) ? "newest" : feeds.has(head) ? "many at a time" : "one by one";
    const send = () => outlet.publish({ names, body, id });
    return { lane: tail, order, bytes: body.length + overheadBytes, tail, id, send };
  }
}

const nobodyTakesMail =
  "On the bus alone nobody takes messages between agents: only a gateway may write them down. Connect with http, too";

function checkedBody<Body>({ names, schema, body, also = {} }: Statement<Body>): Uint8Array | Failure {
  const fault = faultIn(names);
  if (fault) return fault;
  const parsed = schema.safeParse(body);
  if (!parsed.success) return new Failure("invalid_body", issueIn(parsed.error));
  try {
    return utf8.encode(JSON.stringify({ ...also, ...(parsed.data as object) }));
  } catch (thrown) {
    return new Failure("invalid_body", "The body cannot be written as JSON", { cause: thrown });
  }
}

function faultIn(names: readonly string[]): Failure | undefined {
  try {
    for (const name of names) encodeToken(name);
  } catch (thrown) {
    return Failure.from(thrown);
  }
  return names.length < 2
    ? new Failure("bad_request", `"${names.join(".")}" names a stream, and nothing in it`)
    : undefined;
}

/** The parts of a subject as people read it; only names with dots in them look the same as others. */
function tailOf(names: readonly string[]): string {
  return names
    .map((name) => (/^[\w-]+$/.test(name) ? name : encodeURIComponent(name).replaceAll(".", "%2E")))
    .join(".");
}

/** The first thing wrong with a body, as `"field": what`. */
function issueIn({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return "The body is not valid";
  if (issue.code === "unrecognized_keys") return `"${issue.keys[0]}" is not known here`;
  const field = issue.path.join(".");
  return field === "" ? `The body: ${issue.message}` : `"${field}": ${issue.message}`;
}

function sum(one: Tally, other: Tally): Tally {
  return {
    stored: one.stored + other.stored,
    dropped: one.dropped + other.dropped,
    superseded: one.superseded + other.superseded,
    waiting: one.waiting + other.waiting,
  };
}
