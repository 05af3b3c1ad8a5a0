/** Who asks: one identity in one org, and what it may do. */
export interface Principal {
  readonly subject: string;
  readonly org: string;
  readonly roles: ReadonlySet<Role>;
  /** What it may see of its org; everything when absent. */
  readonly scope?: Scope;
  /** The token that says so; absent for whoever came without one. */
  readonly token?: TokenFacts;
}

export const roles = ["viewer", "operator", "publisher"] as const;

/** `viewer` follows streams and reads, `operator` commands instances, `publisher` publishes and speaks as an agent. */
export type Role = (typeof roles)[number];

/** Allow-lists of names, each exact or with `*` at its end; a list that is absent allows every name. */
export interface Scope {
  readonly instances?: readonly string[];
  readonly crews?: readonly string[];
}

/** What must be known of a token to end it in time. */
export interface TokenFacts {
  /** Its `jti`. */
  readonly id?: string;
  /** Its `iat`; 0 when it does not say. */
  readonly issuedAtMs: number;
  /** Its `exp`. */
  readonly expiresAtMs: number;
}

/** Everyone who comes without a token in mode `open`: all roles in the org `default`. */
export const openPrincipal: Principal = {
  subject: "anonymous",
  org: "default",
  roles: new Set(roles),
};

/** Who is counted where there are limits; somebody without a token only counts for the org. */
export function whoIs({ subject, org, token }: Principal): { readonly org: string; readonly principal?: string } {
  return token === undefined ? { org } : { org, principal: JSON.stringify([org, subject]) };
}
