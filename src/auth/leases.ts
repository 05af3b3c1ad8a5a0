import { randomBytes } from "node:crypto";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { endOf } from "./claims.ts";
import type { Principal, Scope } from "./principal.ts";

const sweepMs = 250;
const warningMs = 60_000;
const idBytes = 15;

/** An open connection, as far as its token goes. */
export interface Leased {
  say(frame: Frame): void;
  end(end: End): void;
}

/** How long an open connection may stay: as long as its token counts. */
export interface Lease {
  /** Names the connection to whoever wants to renew it; made when it is asked for. */
  readonly id: string;
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
  readonly #parts: LeasesParts;
  readonly #held = new Set<Held>();
  /** Those whose id was asked for: nobody can ask for the others by name. */
  readonly #named = new Map<string, Held>();
  readonly #stop: Stop;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isLookDue = false;

  constructor(parts: LeasesParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(sweepMs, () => this.sweep());
  }

  get size(): number {
    return this.#held.size;
  }

  /** A lease for a connection; nothing ends one without a token. */
  take(principal: Principal, leased: Leased): Lease {
    if (principal.token === undefined) return endless;
    const held = new Held(this, leased, this.note(principal));
    this.#held.add(held);
    return held;
  }

  /** Renews the connection of that id. Throws `connection_not_found`, `forbidden`. */
  renew(id: string, principal: Principal): void {
    const held = this.#named.get(id);
    // Somebody else's connection is to nobody else's as if it did not exist.
    if (held?.principal.org !== principal.org)
      throw new Failure("connection_not_found", "No open connection has that id");
    held.renew(principal);
  }

  /** Ends those whose tokens were revoked; when that was done just now, at the next sweep. */
  revoked(): void {
    this.#isLookDue = true;
    // Hundreds of revocations at once are not hundreds of looks through all connections.
    if (this.#parts.clock.now() - this.#lookedAtMs >= sweepMs) this.#look();
  }

  /** Warns those that end within a minute, and ends those whose time is over; done by itself four times a second. */
  sweep(): void {
    if (this.#isLookDue) this.#look();
    const now = this.#parts.clock.now();
    for (const held of this.#held) held.check(now);
  }

  /** Stops looking; the connections are the transports' to end. */
  close(): void {
    this.#stop();
    this.#held.clear();
    this.#named.clear();
  }

  /** Gives a lease the id that it is renewed by. */
  name(held: Held): string {
    const id = `${this.#parts.gateway}.${randomBytes(idBytes).toString("base64url")}`;
    this.#named.set(id, held);
    return id;
  }

  /** How a principal stands now; it may have been revoked since it was checked, while nobody held it yet. */
  note(principal: Principal): Standing {
    if (this.#parts.isRevoked(principal)) this.#isLookDue = true;
    const { token } = principal;
    const endsAtMs = token === undefined ? Number.POSITIVE_INFINITY : endOf(token, this.#parts.clock.now());
    return { principal, endsAtMs };
  }

  forget(held: Held, id: string | undefined): void {
    this.#held.delete(held);
    if (id !== undefined) this.#named.delete(id);
  }

  #look(): void {
    this.#isLookDue = false;
    this.#lookedAtMs = this.#parts.clock.now();
    for (const held of this.#held) {
      if (this.#parts.isRevoked(held.principal)) held.end(new Failure("token_revoked", "The token was revoked"));
    }
  }
}

interface Standing {
  readonly principal: Principal;
  readonly endsAtMs: number;
}

/** The lease of everybody who came without a token. */
const endless: Lease = {
  id: "",
  renew: () => {
    throw new Failure("forbidden", "A connection that was made without a token has none to renew");
  },
  release: () => {},
};

class Held implements Lease {
  readonly #leases: Leases;
  readonly #leased: Leased;
  #standing: Standing;
  #id: string | undefined;
  #isWarned = false;

  constructor(leases: Leases, leased: Leased, standing: Standing) {
    this.#leases = leases;
    this.#leased = leased;
    this.#standing = standing;
  }

  get id(): string {
    this.#id ??= this.#leases.name(this);
    return this.#id;
  }

  get principal(): Principal {
    return this.#standing.principal;
  }

  renew(principal: Principal): void {
    if (!mayFollow(this.principal, principal))
      throw new Failure(
        "forbidden",
        "The new token must be of the same subject and org, with no role less and the same scope",
      );
    this.#standing = this.#leases.note(principal);
    this.#isWarned = false;
  }

  release(): void {
    this.#leases.forget(this, this.#id);
  }

  check(now: number): void {
    const { endsAtMs } = this.#standing;
    if (now >= endsAtMs) return this.end(new Failure("token_expired", "The token has expired"));
    if (this.#isWarned || now < endsAtMs - warningMs) return;
    this.#isWarned = true;
    const expires_at = new Date(endsAtMs).toISOString();
    this.#leased.say(new Frame({ type: "token_expiring", expires_at, connection: this.id }));
  }

  end(failure: Failure): void {
    this.release();
    this.#leased.end(failed(failure));
  }
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
