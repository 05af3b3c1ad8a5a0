import type { Principal, Role, Scope } from "../auth/principal.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";

/** Who may follow a stream, and which of its words name what a token may be limited to. */
export interface Access {
  /** The role that may follow it. */
  readonly role: Role;
  /** Whether a token is needed in mode `open`, too. */
  readonly needsToken: boolean;
  /**
   * The path segments, query parameters and fields of rows or events that name an instance or a crew.
   *
   * A principal that is limited to some of them may not ask for others, and sees of rows and events what names at least
   * one of its own, or none at all.
   */
  readonly names: Readonly<Partial<Record<keyof Scope, readonly string[]>>>;
}

const kinds = ["instances", "crews"] as const satisfies readonly (keyof Scope)[];

/** Checks that a principal has a role. Throws `forbidden`. */
export function requireRole({ roles }: Principal, role: Role): void {
  if (!roles.has(role)) throw new Failure("forbidden", `This needs the role "${role}", which the token does not have`);
}

/** Checks that a principal may see, or speak for, an instance or a crew. Throws `forbidden`. */
export function requireName({ scope }: Principal, kind: keyof Scope, name: string): void {
  const list = scope?.[kind];
  if (list && !isAllowed(list, name)) {
    throw new Failure(
      "forbidden",
      `The token does not allow the ${kind === "crews" ? "crew" : "instance"} "${echoed(name)}"`,
    );
  }
}

/** Checks that a principal may follow a stream as it asks for it. Throws `token_required`, `forbidden`. */
export function requireAccess(access: Access, principal: Principal, asked: Readonly<Record<string, unknown>>): void {
  if (access.needsToken && !principal.token) throw new Failure("token_required", "This stream needs a token");
  requireRole(principal, access.role);
  requireNames(access, principal, asked);
}

/** Checks that a principal may name every instance and crew that a request or a body names. Throws `forbidden`. */
export function requireNames({ names }: Access, principal: Principal, said: unknown): void {
  const fields = said as Readonly<Record<string, unknown>>;
  for (const kind of kinds) {
    for (const word of names[kind] ?? []) {
      const name = fields[word];
      if (typeof name === "string") requireName(principal, kind, name);
    }
  }
}

/** Whether a principal's scope reaches a row or an event. */
export function reaches(names: Access["names"], scope: Scope | undefined, item: unknown): boolean {
  if (scope === undefined) return true;
  const fields = item as Readonly<Record<string, unknown>>;
  return kinds.every((kind) => {
    const list = scope[kind];
    const named = (names[kind] ?? []).map((field) => fields[field]).filter((name) => typeof name === "string");
    return list === undefined || named.length === 0 || named.some((name) => isAllowed(list, name));
  });
}

function isAllowed(list: readonly string[], name: string): boolean {
  return list.some((allowed) => (allowed.endsWith("*") ? name.startsWith(allowed.slice(0, -1)) : allowed === name));
}
