import type { Bus } from "../bus/bus.ts";
import type { Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import type { ClaimNames } from "./claims.ts";
import { Guard } from "./guard.ts";
import { type KeySource, Keys } from "./jwt.ts";
import { Leases } from "./leases.ts";
import { Origins } from "./origin.ts";
import { Peers } from "./peer.ts";
import { Renewals } from "./renewals.ts";
import { Revocations } from "./revocations.ts";
import { Sessions } from "./sessions.ts";
import { Tickets } from "./tickets.ts";

/** How a gateway knows who asks. */
export interface AuthOptions {
  /** `open`: whoever shows no token may do everything but what needs one; `enforced`: nobody may do anything without. */
  readonly mode: "open" | "enforced";
  /** What checks tokens; without any, no token counts. */
  readonly keys: readonly KeySource[];
  /** Who must have issued a token (`iss`). Default: anybody. */
  readonly issuer?: string | undefined;
  /** Whom a token must be meant for (`aud`). Default: anybody. */
  readonly audience?: string | undefined;
  readonly claims: ClaimNames;
  /** Whose pages may use this gateway besides its own, like `https://app.example.com`. */
  readonly allowOrigin: readonly string[];
  /** Under which names it may be reached besides addresses and names without a dot. */
  readonly allowHost: readonly string[];
  /** The addresses and networks of proxies that are believed when they say whom a request comes from. */
  readonly trustProxy: readonly string[];
  /** The org whose operators run this gateway: they may see what concerns all orgs. */
  readonly org: string;
}

/** Everybody may do everything, but only pages of our own. */
export const openAuth: AuthOptions = {
  mode: "open",
  keys: [],
  claims: { org: "org", roles: "roles", instances: "instances", crews: "crews" },
  allowOrigin: [],
  allowHost: [],
  trustProxy: [],
  org: "default",
};

interface AuthParts {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Names this gateway among all that there are. */
  readonly gateway: string;
  /** Takes exceptions that no request can answer for. */
  readonly report: Report;
  /** Hears of what is no defect: rows that are no revocations, keys that cannot be fetched. */
  readonly warn: (fault: unknown) => void;
}

/** Everything that knows who asks. */
export class Auth {
  readonly guard: Guard;
  readonly leases: Leases;
  readonly origins: Origins;
  readonly peers: Peers;
  readonly renewals: Renewals;
  readonly revocations: Revocations;
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly #report: Report;

  /** Throws an Error that says which option cannot be used. */
  constructor(options: AuthOptions, { bus, clock, gateway, report, warn }: AuthParts) {
    this.#report = report;
    const { mode, keys: sources, claims, issuer, audience } = options;
    const keys = sources.length === 0 ? undefined : new Keys(sources, { clock, issuer, audience, report: warn });
    this.revocations = new Revocations({ bus, clock, report, warn });
    const isRevoked = this.revocations.isRevoked.bind(this.revocations);
    this.tickets = new Tickets({ bus, clock, isRevoked });
    this.guard = new Guard({ mode, keys, claims, tickets: this.tickets, revocations: this.revocations });
    this.leases = new Leases({ clock, gateway, isRevoked });
    this.renewals = new Renewals({ bus, gateway, leases: this.leases });
    this.origins = new Origins({ ...options, host: "localhost" });
    this.peers = new Peers(options.trustProxy);
    this.sessions = new Sessions(options, { clock, tickets: this.tickets });
  }

  /** Whether it knows what is revoked, and can issue tickets. */
  get isReady(): boolean {
    return this.revocations.isLevel && this.tickets.isOpen;
  }

  /** Reads what is revoked, makes the place for tickets, and hears what other gateways ask. Throws when the bus will never do. */
  async start(): Promise<void> {
    this.revocations.onRevoked(() => this.leases.revoked());
    this.renewals.start();
    await this.revocations.start();
    await this.tickets.start(this.#report);
  }

  close(): void {
    this.renewals.close();
    this.tickets.close();
    this.revocations.close();
    this.leases.close();
  }
}
