import { Failure } from "../protocol/failure.ts";
import type { Asking } from "./asking.ts";
import { type ClaimNames, principalOf } from "./claims.ts";
import { credentialOf } from "./credential.ts";
import type { Keys } from "./jwt.ts";
import { openPrincipal, type Principal } from "./principal.ts";
import type { Revocations } from "./revocations.ts";
import type { Tickets } from "./tickets.ts";

interface GuardParts {
  /** `open`: who shows nothing is anonymous; `enforced`: who shows nothing is refused. */
  readonly mode: "open" | "enforced";
  /** The keys that check tokens; without them no token counts. */
  readonly keys: Keys | undefined;
  readonly claims: ClaimNames;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
}

/** Finds out who asks. What somebody shows and does not count is refused, and never the same as showing nothing. */
export class Guard {
  readonly #parts: GuardParts;

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  /**
   * Who asks.
   *
   * Throws `token_required`, `token_invalid`, `token_expired`, `token_revoked`, `ticket_invalid`, and `keys_away` or
   * `bus_away` while nobody can say whether a token counts.
   */
  async identify(asking: Asking): Promise<Principal> {
    const credential = credentialOf(asking);
    if (credential === undefined) {
      if (this.#parts.mode === "open") return openPrincipal;
      throw new Failure("token_required", "A token is required, say in the header Authorization");
    }
    if (credential.kind !== "ticket") return this.verify(credential.value);
    // First of all: a ticket that is looked at is used.
    this.#refuseUnread();
    return this.#parts.tickets.redeem(credential.value, asking.stream);
  }

  /** Whose token it is. Throws as `identify` does. */
  async verify(token: string): Promise<Principal> {
    const { keys, claims, revocations } = this.#parts;
    if (!keys) throw new Failure("token_invalid", "No token counts here: this gateway has no key to check one");
    const principal = principalOf(await keys.verify(token), claims);
    this.#refuseUnread();
    if (revocations.isRevoked(principal)) throw new Failure("token_revoked", "The token was revoked");
    return principal;
  }

  /** A token that was revoked long ago must not count because we have just been started. */
  #refuseUnread(): void {
    if (this.#parts.revocations.isLevel) return;
    throw new Failure("bus_away", "Which tokens were revoked could not be read yet; try again");
  }
}
