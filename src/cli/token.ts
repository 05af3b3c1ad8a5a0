import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import pc from "picocolors";
import { type ClaimNames, type Claims, principalOf } from "../auth/claims.ts";
import { signToken } from "../auth/jwt.ts";
import type { Role } from "../auth/principal.ts";
import type { Config } from "../config.ts";
import { Explained, explained, log } from "./explained.ts";
import { claimNames, type SigningKey, signingKey } from "./keys.ts";
import { print } from "./listen.ts";
import { harmless } from "./table.ts";

/** What a token is to say. */
export interface TokenOptions {
  readonly role: readonly Role[];
  /** How long it counts, in milliseconds. */
  readonly ttl: number;
  /** Whom it is for. Default: the user of this machine. */
  readonly sub?: string;
  /** What instances it may see. Default: all. */
  readonly instance?: readonly string[];
  /** What crews it may see. Default: all. */
  readonly crew?: readonly string[];
  readonly json?: boolean;
}

/**
 * Prints a token for gateways with this configuration, and on a terminal beside it what it says.
 *
 * Throws Explained when they have their tokens from elsewhere, or when no gateway would take it.
 */
export async function token(config: Config, options: TokenOptions): Promise<void> {
  const key = await keyFor(config);
  const claims = claimsOf(config, options);
  const signed = await sign(config, { key, claims });
  if (options.json) return print(JSON.stringify({ token: signed, claims }, null, 2));
  await print(signed);
  if (process.stderr.isTTY) process.stderr.write(facts(claims, { names: claimNames(config), key }));
}

async function keyFor(config: Config): Promise<SigningKey> {
  const key = await signingKey(config);
  if (key === undefined) {
    const origin = config.jwksUrl === undefined ? "jwtPublicKey" : "jwksUrl";
    throw new Explained(
      `This configuration has its tokens from elsewhere (${origin}): get one there, or sign with --jwt-secret-file`,
    );
  }
  if (key.file === undefined) {
    throw new Explained(
      "With data :memory: only the gateway itself knows the key: name a secret with --jwt-secret-file, here and there",
    );
  }
  if (key.isNew) log(`made the key ${key.file}; only gateways with this data directory take its tokens`);
  return key;
}

/** What a token for gateways with a configuration says. */
export function claimsOf(config: Config, { role, ttl, sub, instance, crew }: Omit<TokenOptions, "json">): Claims {
  const { org, jwtIssuer, jwtAudience } = config;
  const names = claimNames(config);
  const nowSeconds = Math.floor(Date.now() / 1000);
  return {
    sub: sub ?? userName(),
    [names.org]: org,
    [names.roles]: role,
    ...(instance && { [names.instances]: instance }),
    ...(crew && { [names.crews]: crew }),
    ...(jwtIssuer !== undefined && { iss: jwtIssuer }),
    ...(jwtAudience !== undefined && { aud: jwtAudience }),
    iat: nowSeconds,
    exp: nowSeconds + Math.ceil(ttl / 1000),
    jti: randomUUID(),
  };
}

/** A signed token. What no gateway would take is not signed. */
function sign(config: Config, { key, claims }: { key: SigningKey; claims: Claims }): Promise<string> {
  const judged = async () => {
    principalOf(claims, claimNames(config));
    return signToken(claims, key.secret);
  };
  return explained(judged());
}

function facts(claims: Claims, { names, key }: { names: ClaimNames; key: SigningKey }): string {
  const { subject, org, roles } = principalOf(claims, names);
  const until = new Date(claims.exp * 1000).toISOString();
  const who = `for ${harmless(subject)} in org ${harmless(org)}, ${[...roles].join(", ")}`;
  return `${pc.dim(`── ${who}, until ${until}; id ${claims.jti}, signed with ${key.file} ──`)}\n`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the list of users, as containers have it.
    return "skein";
  }
}
