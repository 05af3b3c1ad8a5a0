import { text } from "node:stream/consumers";
import pc from "picocolors";
import { principalOf } from "../auth/claims.ts";
import { Keys, unverifiedClaims } from "../auth/jwt.ts";
import type { Principal } from "../auth/principal.ts";
import type { Config } from "../config.ts";
import { systemClock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { Explained, log, messageOf } from "./explained.ts";
import { claimNames, keySources } from "./keys.ts";
import { print } from "./listen.ts";
import { ageText, harmless } from "./table.ts";

export interface CheckOptions {
  readonly json?: boolean;
}

/**
 * Says what a token allows at gateways with this configuration; without one it is read from standard input.
 *
 * Throws Explained with the reason when they would refuse it.
 */
export async function checkToken(given: string | undefined, config: Config, { json }: CheckOptions): Promise<void> {
  const token = (given ?? (await text(process.stdin))).trim().replace(/^Bearer /i, "");
  if (token === "") throw new Explained("There is no token: give it on standard input, or as the last argument");
  const verdict = await verdictOn(token, config);
  if (json) await print(JSON.stringify(jsonOf(verdict), null, 2));
  else for (const line of linesOf(verdict)) await print(line);
  if (verdict.refusal === undefined) return;
  const { code, message } = verdict.refusal;
  if (json) process.exitCode = 1;
  else throw new Explained(`Refused: ${message} (${code})`);
}

/** What a gateway would say, and what the token says. */
interface Verdict {
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  readonly principal: Principal | undefined;
  readonly refusal: Failure | undefined;
}

async function verdictOn(token: string, config: Config): Promise<Verdict> {
  const { jwtIssuer: issuer, jwtAudience: audience } = config;
  const report = (fault: unknown) => log(messageOf(fault));
  const keys = new Keys(await keySources(config), { clock: systemClock, issuer, audience, report });
  const claims = saidBy(token);
  try {
    const principal = principalOf(await keys.verify(token), claimNames(config));
    return { claims, principal, refusal: undefined };
  } catch (thrown) {
    return { claims, principal: undefined, refusal: Failure.from(thrown) };
  }
}

/** What a token says, whoever vouches for it. */
function saidBy(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return unverifiedClaims(token);
  } catch {
    return undefined;
  }
}

function jsonOf({ claims, principal, refusal }: Verdict): object {
  const reason = refusal && { code: refusal.code, message: refusal.message };
  const { subject, org, roles = new Set(), scope } = principal ?? {};
  const allows = principal && { subject, org, roles: [...roles], ...scope };
  return { valid: refusal === undefined, ...(reason && { reason }), ...(allows && { allows }), claims };
}

const abilities = {
  viewer: "follow streams and read",
  operator: "command instances",
  publisher: "publish and speak as an agent",
} as const;

function linesOf({ claims, principal, refusal }: Verdict): string[] {
  const stated = Object.entries(claims ?? {}).map(
    ([name, value]) =>
      `  ${pc.dim(harmless(name).padEnd(10))} ${harmless(JSON.stringify(value))}${dateOf(name, value)}`,
  );
  if (refusal || !principal) return stated.length === 0 ? [] : [pc.bold("It says:"), ...stated];
  const { subject, org, roles, scope, token } = principal;
  const leftMs = (token?.expiresAtMs ?? 0) - Date.now();
  const left = leftMs > 0 ? `${ageText(leftMs)} left` : "over, and taken for some seconds still";
  const may = [...roles].map((role) => `${pc.green(role)} ${pc.dim(`(${abilities[role]})`)}`);
  return [
    `${pc.green("good")}, ${left}`,
    `${pc.bold(harmless(subject))} in org ${pc.bold(harmless(org))}`,
    `roles      ${may.join(", ") || pc.yellow("none: it may do nothing")}`,
    `instances  ${listText(scope?.instances)}`,
    `crews      ${listText(scope?.crews)}`,
    pc.dim("Whether it was revoked only a gateway knows."),
    pc.bold("Claims:"),
    ...stated,
  ];
}

function listText(patterns: readonly string[] | undefined): string {
  if (patterns === undefined) return "all";
  return patterns.length === 0 ? pc.yellow("none") : patterns.map(harmless).join(", ");
}

/** The moment that a claim in seconds means. */
function dateOf(name: string, value: unknown): string {
  const isMoment = ["exp", "iat", "nbf"].includes(name) && typeof value === "number" && Math.abs(value) < 8.64e12;
  return isMoment ? ` ${pc.dim(new Date(value * 1000).toISOString())}` : "";
}
