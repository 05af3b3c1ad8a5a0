import type { Principal } from "../auth/principal.ts";
import type { Channel } from "../hub/channel.ts";
import type { View } from "../hub/view.ts";
import type { RateName } from "../limits/quotas.ts";
import type { Visitor } from "../limits/visitor.ts";

/** What a client asks for, whatever the transport. */
export interface Request {
  /** Below the transport's prefix: `runs/r1`. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: Headers;
  /** Where it comes from, as limits count it. */
  readonly address: string;
  /** Headers that every answer to it has, whatever else it says. */
  readonly shared: Readonly<Record<string, string>>;
}

/** What a client was granted. */
export interface Admission {
  readonly channel: Channel;
  readonly view: View;
  /** The cursor to go on from, as the client gave it. */
  readonly since: string | undefined;
}

/** One whom the gate knows: who it is, and what it uses until it leaves. */
export class Guest {
  readonly principal: Principal;
  readonly #visitor: Visitor;
  readonly #admit: () => Admission;

  constructor(principal: Principal, visitor: Visitor, admit: () => Admission) {
    this.principal = principal;
    this.#visitor = visitor;
    this.#admit = admit;
  }

  /** Counts it as a connection until it leaves. Throws `too_many_connections`. */
  stay(): void {
    this.#visitor.hold("connections");
  }

  /** Lets it look at the stream once. Throws the Failure that says why it may not. */
  look(): Admission {
    return this.#admit();
  }

  /** Counts it as one who follows the stream until it leaves. Throws the Failure that says why it may not. */
  subscribe(): Admission {
    this.spend("subscribes");
    const admission = this.#admit();
    this.#visitor.hold("subscriptions");
    return admission;
  }

  /** Counts what it does. Throws the Failure that says it is too much. */
  spend(rate: RateName): void {
    this.#visitor.spend(rate);
  }

  /** Gives back what it had; a second time is harmless. */
  leave(): void {
    this.#visitor.leave();
  }
}
