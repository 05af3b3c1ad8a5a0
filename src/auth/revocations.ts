import { createHash } from "node:crypto";
import { z } from "zod";
import type { Bus, Follower, Stored, Table } from "../bus/bus.ts";
import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { Opening } from "../protocol/opening.ts";
import { anyOrg, encodeToken, subjectOf } from "../protocol/subject.ts";
import { toleranceMs } from "./claims.ts";
import type { Principal } from "./principal.ts";

const sweepMs = 60_000;
/** Another gateway's clock may be behind. */
const leftoverMs = 2 * toleranceMs;
/** What `encodeToken` takes, in bytes. */
const longestName = 128;
/** With the longest org before it, a subject still has less than 512 characters. */
const longestToken = 100;
const mostReports = 100;
const mostAttempts = 10;

const shape = z.object({ revoked_at: z.iso.datetime(), expires_at: z.iso.datetime().optional() });

interface RevocationsParts {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Takes exceptions that no request can answer for, like a bus that will never do. */
  readonly report: Report;
  /** Hears of rows that are no revocations. */
  readonly warn: (fault: unknown) => void;
}

/** What is taken back: one token, everything a subject has, everything of the org. */
export type Revoked =
  | { readonly jti: string; readonly expiresAtMs?: number | undefined }
  | { readonly sub: string }
  | { readonly org: true };

interface Row {
  readonly position: number;
  readonly revokedAtMs: number;
  readonly expiresAtMs: number | undefined;
}

/** What was taken back before its time, in all orgs, on every gateway of the bus. */
export class Revocations implements Follower {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #warn: (fault: unknown) => void;
  readonly #rows = new Map<string, Row>();
  readonly #listeners = new Set<() => void>();
  readonly #reported = new Set<string>();
  readonly #stops: Stop[] = [];
  #table: Table | undefined;
  readonly #opening = new Opening(() => this.#openTable());
  #epoch = "";
  #isLevel = false;
  #isClosed = false;
  /** While the table is read again: the subjects seen. */
  #seen: Set<string> | undefined;

  constructor({ bus, clock, report, warn }: RevocationsParts) {
    this.#bus = bus;
    this.#clock = clock;
    this.#report = report;
    this.#warn = warn;
  }

  /** Whether every revocation was read once; before, nobody can say that a token counts. */
  get isLevel(): boolean {
    return this.#isLevel;
  }

  /**
   * Reads what is revoked, and goes on reading; while the bus is away it returns, and reads as soon as the bus is up.
   *
   * Throws when the bus will never do.
   */
  async start(): Promise<void> {
    this.#stops.push(this.#clock.every(sweepMs, () => this.#sweep()));
    this.#stops.push(
      this.#bus.onState((state) => {
        if (state === "up") inBackground("opening the revocations", this.#opening.open(), this.#report);
      }),
    );
    await this.#opening.open();
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Whether what says who somebody is has been taken back; who came without a token has nothing to lose. */
  isRevoked({ org, subject, token }: Principal): boolean {
    if (token === undefined || this.#rows.size === 0) return false;
    if (token.id !== undefined && this.#rows.has(subjectFor(org, { jti: token.id }))) return true;
    // Tokens and revocations of the same second cannot be told apart: better one login too many.
    const second = Math.floor(token.issuedAtMs / 1000) * 1000;
    const rows = [this.#rows.get(subjectFor(org, { sub: subject })), this.#rows.get(subjectFor(org, { org: true }))];
    return rows.some((row) => row !== undefined && second <= row.revokedAtMs);
  }

  /** Takes something back; it counts here when this settles, and on other gateways a moment later. Throws `bus_away`. */
  async revoke(org: string, what: Revoked): Promise<void> {
    const table = await this.#opened();
    const subject = subjectFor(org, what);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return this.#set(subject, await putLater(table, subject, this.#rowOf(what)));
      } catch (thrown) {
        // Somebody else revokes the same; whoever is last must know of the other.
        if (!(thrown instanceof Failure && thrown.code === "conflict") || attempt === mostAttempts) throw thrown;
      }
    }
  }

  /** Calls `listener` whenever more is revoked, and when everything has been read. */
  onRevoked(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  begin(epoch: string): void {
    // Positions of another epoch say nothing about ours; what is gone there goes at the level.
    if (epoch !== this.#epoch)
      for (const [subject, row] of this.#rows) this.#rows.set(subject, { ...row, position: 0 });
    this.#epoch = epoch;
    this.#seen = new Set();
  }

  message({ subject, position, data }: Stored): void {
    this.#seen?.add(subject);
    const known = this.#rows.get(subject);
    if (known && known.position >= position) return;
    if (data.length === 0) this.#rows.delete(subject);
    else {
      const row = parseRow(data);
      if (row) this.#set(subject, { position, ...row });
      else this.#reportRow(subject);
    }
  }

  level(position: number): void {
    const seen = this.#seen;
    this.#seen = undefined;
    if (seen)
      for (const [subject, row] of this.#rows)
        if (!seen.has(subject) && row.position <= position) this.#rows.delete(subject);
    this.#isLevel = true;
    this.#tell();
  }

  /** A table skips nothing: its present values are all there is. */
  gap(): void {}

  #rowOf(what: Revoked): Omit<Row, "position"> {
    return { revokedAtMs: this.#clock.now(), expiresAtMs: "jti" in what ? what.expiresAtMs : undefined };
  }

  #set(subject: string, row: Row): void {
    const known = this.#rows.get(subject);
    if (known && known.position >= row.position) return;
    this.#rows.set(subject, row);
    // At the first reading, once at its end is enough.
    if (this.#isLevel) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #reportRow(subject: string): void {
    if (this.#reported.has(subject) || this.#reported.size >= mostReports) return;
    this.#reported.add(subject);
    this.#warn(new Error(`What is stored at ${subject} is no revocation; it is ignored`));
  }

  /** A token that has ended needs no revocation. */
  #sweep(): void {
    const old = this.#clock.now() - leftoverMs;
    for (const [subject, { position, expiresAtMs }] of this.#rows) {
      if (expiresAtMs === undefined || expiresAtMs > old) continue;
      // Another gateway may have been first, or the bus is away: there is a next time.
      this.#table?.put(subject, new Uint8Array(0), { expected: position }).catch(() => {});
    }
  }

  async #opened(): Promise<Table> {
    await this.#opening.open();
    if (this.#table) return this.#table;
    throw new Failure("bus_away", "The bus is away; try again");
  }

  async #openTable(): Promise<void> {
    const table = await this.#bus.table({ name: "revoked", subjects: [anyOrg("revoked.>")] });
    this.#table = table;
    if (!this.#isClosed) this.#stops.push(table.follow(this));
  }
}

/**
 * Stores a row that takes back at least what the one before did: a clock that is behind, or an earlier end, must not make
 * tokens valid again. Throws `conflict`.
 */
async function putLater(table: Table, subject: string, row: Omit<Row, "position">): Promise<Row> {
  const present = await table.get(subject);
  const before = present && parseRow(present.data);
  const revokedAtMs = Math.max(row.revokedAtMs, before?.revokedAtMs ?? 0);
  const end = before === undefined ? row.expiresAtMs : later(before.expiresAtMs, row.expiresAtMs);
  const body = { revoked_at: iso(revokedAtMs), ...(end !== undefined && { expires_at: iso(end) }) };
  const terms = { expected: present?.position ?? 0 };
  const { position } = await table.put(subject, new TextEncoder().encode(JSON.stringify(body)), terms);
  return { position, revokedAtMs, expiresAtMs: end };
}

/** The later of two ends; undefined is never. */
function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other);
}

/** Undefined when a body is no revocation. */
function parseRow(data: Uint8Array): Omit<Row, "position"> | undefined {
  const parsed = shape.safeParse(maybeJsonIn(data));
  if (!parsed.success) return undefined;
  const { revoked_at, expires_at } = parsed.data;
  return {
    revokedAtMs: Date.parse(revoked_at),
    expiresAtMs: expires_at === undefined ? undefined : Date.parse(expires_at),
  };
}

function subjectFor(org: string, what: Revoked): string {
  if ("jti" in what) return subjectOf(org, `revoked.jti.${tokenOf(what.jti)}`);
  return subjectOf(org, "sub" in what ? `revoked.sub.${tokenOf(what.sub)}` : "revoked.all");
}

/** One subject token for any text; `~`, which no name is encoded with, marks the hash of a long one. */
function tokenOf(text: string): string {
  const token = Buffer.byteLength(text) <= longestName ? encodeToken(text) : undefined;
  if (token !== undefined && token.length <= longestToken) return token;
  return `~${createHash("sha256").update(text).digest("base64url")}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
