/** Who asks: one identity in one org, and what it may do. */
export interface Principal {
  readonly subject: string;
  readonly org: string;
  readonly roles: ReadonlySet<Role>;
}

export type Role = "viewer" | "operator" | "publisher";

/** Everyone, in mode `open`: all roles in the org `default`. */
export const openPrincipal: Principal = {
  subject: "anonymous",
  org: "default",
  roles: new Set(["viewer", "operator", "publisher"]),
};
