import { randomUUID } from "node:crypto";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { ClaimNames } from "./claims.ts";
import { type KeySource, signToken } from "./jwt.ts";
import { openPrincipal, type Principal, roles } from "./principal.ts";
import type { Tickets } from "./tickets.ts";

const linkLifeMs = 4 * 60_000;
const sessionLifeMs = 12 * 60 * 60_000;

interface SessionOptions {
  readonly mode: "open" | "enforced";
  readonly keys: readonly KeySource[];
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly claims: ClaimNames;
}

interface SessionParts {
  readonly clock: Clock;
  readonly tickets: Tickets;
}

/** A browser's session: the token that its cookie holds. */
export interface Session {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Sessions of browsers that come with a one-time link instead of a token. */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #parts: SessionParts;

  constructor(options: SessionOptions, parts: SessionParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * The ticket of a one-time link for whoever has started this gateway in mode `open`; it counts for four minutes.
   *
   * Undefined where the gateway cannot sign tokens. Throws `bus_away`.
   */
  async link(): Promise<string | undefined> {
    if (this.#linkSecret === undefined) return undefined;
    const { ticket } = await this.#parts.tickets.issue(openPrincipal, { stream: undefined, lifeMs: linkLifeMs });
    return ticket;
  }

  /** The session that a link opens: twelve hours of everything. Throws `ticket_invalid`, `bus_away`. */
  async open(ticket: string): Promise<Session> {
    const { org, subject, token: facts } = await this.#parts.tickets.redeem(ticket, undefined);
    const secret = this.#linkSecret;
    // A session gives every role: nobody gets it by way of a token, which may give less.
    if (secret === undefined || facts) throw new Failure("ticket_invalid", "This ticket opens no session");
    const { issuer: iss, audience: aud, claims } = this.#options;
    const now = this.#parts.clock.now();
    const expiresAtMs = now + sessionLifeMs;
    const [iat, exp] = [Math.floor(now / 1000), Math.floor(expiresAtMs / 1000)];
    const named = { [claims.org]: org, [claims.roles]: [...roles] };
    const registered = { sub: subject, jti: randomUUID(), iat, exp, ...(iss && { iss }), ...(aud && { aud }) };
    return { token: await signToken({ ...named, ...registered }, secret), expiresAtMs: exp * 1000 };
  }

  /** What signs the sessions of links; undefined where there are no links. */
  get #linkSecret(): Uint8Array | undefined {
    if (this.#options.mode === "enforced") return undefined;
    return this.#options.keys.find((key) => key.kind === "secret")?.secret;
  }
}

/** The session of somebody who brought a token. Throws `token_required` for somebody who did not. */
export function sessionOf({ token: facts }: Principal, token: string | undefined): Session {
  if (facts && token !== undefined) return { token, expiresAtMs: facts.expiresAtMs };
  throw new Failure("token_required", "A session begins with a token, in the header Authorization");
}
