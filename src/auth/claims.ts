import { z } from "zod";
import { Failure } from "../protocol/failure.ts";
import { type Principal, type Role, roles, type Scope, type TokenFacts } from "./principal.ts";

/** What a token says: at least when it ends. Times are seconds since 1970. */
export interface Claims {
  readonly exp: number;
  readonly iat?: number | undefined;
  readonly nbf?: number | undefined;
  readonly jti?: string | undefined;
  readonly [name: string]: unknown;
}

/** Which claims say what; dots lead into objects where no claim has the whole name. */
export interface ClaimNames {
  readonly org: string;
  readonly roles: string;
  readonly instances: string;
  readonly crews: string;
}

/** How far the clocks of two machines may be apart, in milliseconds. */
export const toleranceMs = 30_000;

const longestOrg = 128;
/** OpenID Connect Core, section 2, allows 255. */
const longestSubject = 256;
const mostListed = 1000;

/** The end of the year 9999: JSON has numbers that no date can hold. */
const lastSecond = 253_402_300_799;
const seconds = z.number().min(0).max(lastSecond);
const registered = z.looseObject({
  exp: seconds,
  iat: seconds.optional(),
  nbf: seconds.optional(),
  jti: z.string().min(1).optional(),
});

/** The claims in a token's payload. Throws `token_invalid`, naming the claim that is missing or wrong. */
export function parseClaims(payload: unknown): Claims {
  const parsed = registered.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [claim] = parsed.error.issues[0]?.path ?? [];
  throw claim === undefined ? new Failure("token_invalid", "The token holds no claims") : wrongClaim(String(claim));
}

/** Who a token says asks. Throws `token_invalid`, naming the claim that is missing or wrong. */
export function principalOf(claims: Claims, names: ClaimNames): Principal {
  const subject = nameIn(claims, { claim: "sub", most: longestSubject });
  const org = nameIn(claims, { claim: names.org, most: longestOrg });
  const held = rolesIn(claims, names.roles);
  const scope = scopeIn(claims, names);
  return { subject, org, roles: held, ...(scope && { scope }), token: factsOf(claims) };
}

/** When what a token allows at `nowMs` ends: with the token, or, once that is over, with the tolerance. */
export function endOf({ expiresAtMs }: TokenFacts, nowMs: number): number {
  return nowMs < expiresAtMs ? expiresAtMs : expiresAtMs + toleranceMs;
}

function factsOf({ jti, iat, exp }: Claims): TokenFacts {
  return { ...(jti !== undefined && { id: jti }), issuedAtMs: (iat ?? 0) * 1000, expiresAtMs: exp * 1000 };
}

/** A name that may go into subjects and limits: text that is not empty, not too long, and that UTF-8 can hold. */
function nameIn(claims: Claims, { claim, most }: { readonly claim: string; readonly most: number }): string {
  const name = claimIn(claims, claim);
  // Half a surrogate pair would become another name on the bus, and one name for many orgs.
  const isName = typeof name === "string" && name !== "" && name.isWellFormed();
  if (!isName) throw wrongClaim(claim);
  if (new TextEncoder().encode(name).length > most)
    throw new Failure("token_invalid", `The token's claim "${claim}" is longer than ${most} bytes`);
  return name;
}

function rolesIn(claims: Claims, claim: string): ReadonlySet<Role> {
  const said = claimIn(claims, claim);
  if (said === undefined) return new Set();
  const words = typeof said === "string" ? said.split(" ") : said;
  if (!isTexts(words)) throw wrongClaim(claim);
  return new Set(roles.filter((role) => words.includes(role)));
}

function scopeIn(claims: Claims, names: ClaimNames): Scope | undefined {
  const instances = listIn(claims, names.instances);
  const crews = listIn(claims, names.crews);
  return instances || crews ? { ...(instances && { instances }), ...(crews && { crews }) } : undefined;
}

function listIn(claims: Claims, claim: string): readonly string[] | undefined {
  const said = claimIn(claims, claim);
  if (said === undefined) return undefined;
  if (!isTexts(said) || said.length > mostListed) throw wrongClaim(claim);
  return said;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** The claim of that very name, or what dots lead to: some identity providers put roles into objects. */
function claimIn(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrongClaim(claim: string): Failure {
  return new Failure("token_invalid", `The token's claim "${claim}" is missing or wrong`);
}
