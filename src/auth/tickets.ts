import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import type { Bus, Journal, Stored } from "../bus/bus.ts";
import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { Opening } from "../protocol/opening.ts";
import { anyOrg, subjectOf } from "../protocol/subject.ts";
import { endOf } from "./claims.ts";
import { bearerOf, passportOf, passportShape } from "./passport.ts";
import type { Principal } from "./principal.ts";

const keepMs = 15 * 60_000;
/** Shorter than a bus remembers ids, which are what makes a ticket good for one. */
const longestLifeMs = 4 * 60_000;
const secretBytes = 32;
const ticketShape = /^([A-Za-z0-9_-]{1,171})\.([A-Za-z0-9_-]{43})$/;

interface TicketsParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly isRevoked: (principal: Principal) => boolean;
}

interface TicketTerms {
  /** The path of the one stream it opens; undefined: what is no stream. */
  readonly stream: string | undefined;
  /** How long it counts, in milliseconds, four minutes at most; never longer than the token behind it. */
  readonly lifeMs: number;
}

interface Ticket {
  readonly ticket: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

const issued = z.object({ bearer: passportShape, stream: z.string().exactOptional(), expiresAtMs: z.number() });

/**
 * Tickets: each lets its bearer in as one principal, once, on any gateway of the bus.
 *
 * The bus has the hash of a ticket's secret alone, so whoever reads there can use none.
 */
export class Tickets {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #isRevoked: (principal: Principal) => boolean;
  readonly #opening = new Opening(() => this.#openJournal());
  #opened: Journal | undefined;
  #stop: Stop = () => {};

  constructor({ bus, clock, isRevoked }: TicketsParts) {
    this.#bus = bus;
    this.#clock = clock;
    this.#isRevoked = isRevoked;
  }

  /** Whether the bus has a place for tickets. */
  get isOpen(): boolean {
    return this.#opening.isOpen;
  }

  /**
   * Makes the place for tickets on the bus; while the bus is away it returns, and makes it as soon as the bus is up. `report`
   * hears of a bus that will never do.
   *
   * Throws when the bus will never do.
   */
  async start(report: Report): Promise<void> {
    this.#stop = this.#bus.onState((state) => {
      if (state === "up") inBackground("opening the journal of tickets", this.#opening.open(), report);
    });
    await this.#opening.open();
  }

  close(): void {
    this.#stop();
  }

  /** A new ticket. Throws `bus_away`. */
  async issue(principal: Principal, { stream, lifeMs }: TicketTerms): Promise<Ticket> {
    const now = this.#clock.now();
    const { org, token } = principal;
    const end = token === undefined ? Number.POSITIVE_INFINITY : endOf(token, now);
    const expiresAtMs = Math.min(now + Math.min(lifeMs, longestLifeMs), end);
    const secret = randomBytes(secretBytes).toString("base64url");
    const body = { bearer: passportOf(principal), ...(stream !== undefined && { stream }), expiresAtMs };
    const journal = await this.#journal();
    await journal.append(subjectFor(org, secret), new TextEncoder().encode(JSON.stringify(body)));
    return { ticket: `${Buffer.from(org).toString("base64url")}.${secret}`, expiresAtMs };
  }

  /**
   * Whom a ticket stands for; nobody can redeem it again. A ticket for another stream stays good for its own.
   *
   * Throws `ticket_invalid`, `token_revoked`, `bus_away`.
   */
  async redeem(ticket: string, stream: string | undefined): Promise<Principal> {
    const { org, subject } = parseTicket(ticket);
    const journal = await this.#journal();
    const { messages } = await journal.read({ subject, after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 2 });
    const found = this.#issued(messages);
    if (found.stream !== stream) throw new Failure("ticket_invalid", "The ticket is for something else");
    const principal = bearerOf(found.bearer, org);
    if (this.#isRevoked(principal)) throw new Failure("token_revoked", "The token behind the ticket was revoked");
    await this.#use(journal, subject);
    return principal;
  }

  #issued([first, second]: readonly Stored[]): z.infer<typeof issued> {
    const parsed = first && issued.safeParse(maybeJsonIn(first.data));
    if (!parsed?.success || second) throw used();
    if (parsed.data.expiresAtMs <= this.#clock.now())
      throw new Failure("ticket_invalid", "The ticket has expired; get a new one");
    return parsed.data;
  }

  /** Of all who try, the bus takes one: the others have the same id. */
  async #use(journal: Journal, subject: string): Promise<void> {
    const mark = randomBytes(16).toString("base64url");
    const data = new TextEncoder().encode(JSON.stringify({ used: mark }));
    const { duplicate, position } = await journal.append(subject, data, `used-${subject}`);
    if (!duplicate) return;
    // When the first answer was lost on its way, the one before us was ourselves.
    const range = { subject, after: position - 1, upTo: position, limit: 1 };
    const [winner] = (await journal.read(range)).messages;
    const parsed = z.object({ used: z.literal(mark) }).safeParse(winner && maybeJsonIn(winner.data));
    if (!parsed.success) throw used();
  }

  async #journal(): Promise<Journal> {
    await this.#opening.open();
    if (this.#opened) return this.#opened;
    throw new Failure("bus_away", "The bus is away; try again");
  }

  async #openJournal(): Promise<void> {
    this.#opened = await this.#bus.journal({ name: "tickets", subjects: [anyOrg("tickets.*")], keepMs });
  }
}

function used(): Failure {
  return new Failure("ticket_invalid", "The ticket does not exist, or was used before; get a new one");
}

/** Where a ticket lies. Throws `ticket_invalid` when it is none. */
function parseTicket(ticket: string): { readonly org: string; readonly subject: string } {
  const [, encoded, secret] = ticketShape.exec(ticket) ?? [];
  const org = encoded === undefined ? undefined : orgIn(encoded);
  if (org === undefined || secret === undefined) throw new Failure("ticket_invalid", "That is not a ticket");
  return { org, subject: subjectFor(org, secret) };
}

function orgIn(encoded: string): string | undefined {
  const org = Buffer.from(encoded, "base64url").toString();
  const isOrg = Buffer.from(org).toString("base64url") === encoded && Buffer.byteLength(org) <= 128;
  return isOrg ? org : undefined;
}

function subjectFor(org: string, secret: string): string {
  return subjectOf(org, `tickets.${createHash("sha256").update(secret).digest("base64url")}`);
}
