import { randomBytes } from "node:crypto";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { endOf } from "./claims.ts";
import type { Principal, Scope } from "./principal.ts";

const sweepMs = 250;
const warningMs = 60_000;

/** An open connection, as far as its token goes. */
export interface Leased {
  say(frame: Frame): void;
  end(end: End): void;
}

/** How long an open connection may stay: as long as its token counts. */
export interface Lease {
  /** Names the connection to whoever wants to renew it. */
  readonly id: string;
  /** Who it is for, by the newest token. */
  readonly principal: Principal;
  /** Goes on with a newer token of the same principal. Throws `forbidden` when it is somebody else's, or allows something else. */
  renew(principal: Principal): void;
  /** The connection is over. */
  release(): void;
}

interface LeasesParts {
  readonly clock: Clock;
  /** Names this gateway among all that there are. */
  readonly gateway: string;
  readonly isRevoked: (principal: Principal) => boolean;
}

/** The leases of all connections, looked through together: no connection has a timer of its own. */
export class Leases {
  readonly #clock: Clock;
  readonly #gateway: string;
  readonly #isRevoked: (principal: Principal) => boolean;
  readonly #held = new Map<string, Held>();
  readonly #stop: Stop;
  #count = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isLookDue = false;

  constructor({ clock, gateway, isRevoked }: LeasesParts) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#isRevoked = isRevoked;
    this.#stop = clock.every(sweepMs, () => this.sweep());
  }

  get size(): number {
    return this.#held.size;
  }

  take(principal: Principal, leased: Leased): Lease {
    this.#count += 1;
    const id = `${this.#gateway}.${this.#count.toString(36)}.${randomBytes(12).toString("base64url")}`;
    const forget = () => this.#held.delete(id);
    const note = (renewed: Principal) => this.#note(renewed);
    const held = new Held(id, leased, { principal, clock: this.#clock, forget, note });
    this.#held.set(id, held);
    this.#note(principal);
    return held;
  }

  /** Renews the connection of that id. Throws `connection_not_found`, `forbidden`. */
  renew(id: string, principal: Principal): void {
    const held = this.#held.get(id);
    if (!held) throw new Failure("connection_not_found", "There is no such connection on this gateway");
    held.renew(principal);
  }

  /** Ends those whose tokens were revoked; when that was done just now, at the next sweep. */
  revoked(): void {
    this.#isLookDue = true;
    // Hundreds of revocations at once are not hundreds of looks through all connections.
    if (this.#clock.now() - this.#lookedAtMs >= sweepMs) this.#look();
  }

  /** Warns those that end within a minute, and ends those whose time is over; done by itself four times a second. */
  sweep(): void {
    if (this.#isLookDue) this.#look();
    const now = this.#clock.now();
    for (const held of this.#held.values()) held.check(now);
  }

  /** Stops looking; the connections are the transports' to end. */
  close(): void {
    this.#stop();
    this.#held.clear();
  }

  /** It may have been revoked since it was checked, while nobody held it yet. */
  #note(principal: Principal): void {
    if (this.#isRevoked(principal)) this.#isLookDue = true;
  }

  #look(): void {
    this.#isLookDue = false;
    this.#lookedAtMs = this.#clock.now();
    for (const held of this.#held.values()) {
      if (this.#isRevoked(held.principal)) held.end(new Failure("token_revoked", "The token was revoked"));
    }
  }
}

interface HeldParts {
  readonly principal: Principal;
  readonly clock: Clock;
  readonly forget: () => void;
  /** Hears of a newer principal. */
  readonly note: (principal: Principal) => void;
}

class Held implements Lease {
  readonly id: string;
  readonly #leased: Leased;
  readonly #clock: Clock;
  readonly #forget: () => void;
  readonly #note: (principal: Principal) => void;
  #principal: Principal;
  #endsAtMs: number;
  #isWarned = false;

  constructor(id: string, leased: Leased, { principal, clock, forget, note }: HeldParts) {
    this.id = id;
    this.#leased = leased;
    this.#clock = clock;
    this.#forget = forget;
    this.#note = note;
    this.#principal = principal;
    this.#endsAtMs = endOfPrincipal(principal, clock.now());
  }

  get principal(): Principal {
    return this.#principal;
  }

  renew(principal: Principal): void {
    if (!mayFollow(this.#principal, principal))
      throw new Failure(
        "forbidden",
        "The new token must be of the same subject and org, with no role less and the same scope",
      );
    this.#principal = principal;
    this.#endsAtMs = endOfPrincipal(principal, this.#clock.now());
    this.#isWarned = false;
    this.#note(principal);
  }

  release(): void {
    this.#forget();
  }

  check(now: number): void {
    if (now >= this.#endsAtMs) return this.end(new Failure("token_expired", "The token has expired; get a new one"));
    if (this.#isWarned || now < this.#endsAtMs - warningMs) return;
    this.#isWarned = true;
    const expires_at = new Date(this.#endsAtMs).toISOString();
    this.#leased.say(new Frame({ type: "token_expiring", expires_at, connection: this.id }));
  }

  end(failure: Failure): void {
    this.#forget();
    this.#leased.end(failed(failure));
  }
}

function endOfPrincipal({ token }: Principal, now: number): number {
  return token === undefined ? Number.POSITIVE_INFINITY : endOf(token, now);
}

/** Whether a connection of the one may go on as the other: what it shows was chosen by what the first one may see. */
function mayFollow(old: Principal, next: Principal): boolean {
  const isSame = old.subject === next.subject && old.org === next.org && hasSameScope(old.scope, next.scope);
  // Whoever came with a token must not stay for ever without one.
  return (
    isSame &&
    [...old.roles].every((role) => next.roles.has(role)) &&
    (old.token === undefined) === (next.token === undefined)
  );
}

function hasSameScope(one: Scope | undefined, other: Scope | undefined): boolean {
  return hasSameNames(one?.instances, other?.instances) && hasSameNames(one?.crews, other?.crews);
}

function hasSameNames(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.every((name) => other.includes(name)) && other.every((name) => one.includes(name));
}
