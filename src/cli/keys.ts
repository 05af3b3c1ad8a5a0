import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { AuthOptions } from "../auth/auth.ts";
import type { ClaimNames } from "../auth/claims.ts";
import { type KeySource, Keys } from "../auth/jwt.ts";
import type { Config } from "../config.ts";
import { systemClock } from "../protocol/clock.ts";
import { Explained, messageOf } from "./explained.ts";

/** A secret that signs tokens, and where it is from. */
export interface SigningKey {
  readonly secret: Uint8Array;
  /** The file it lies in; undefined for one that this process alone has. */
  readonly file: string | undefined;
  /** Whether it was made just now. */
  readonly isNew: boolean;
}

/** What of a configuration says which tokens count. */
export type KeyConfig = Pick<Config, "data" | "jwtSecretFile" | "jwtPublicKey" | "jwksUrl">;

/**
 * How a gateway with this configuration, and by other keys besides, knows who asks; makes a key when none is named.
 *
 * Throws Explained when a file cannot be read or may be read by others.
 */
export async function authOf(config: Config, others: readonly KeySource[] = []): Promise<AuthOptions> {
  const { auth: mode, org, jwtIssuer: issuer, jwtAudience: audience, allowOrigin, allowHost, trustProxy } = config;
  const keys = [...(await keySources(config)), ...others];
  return { mode, keys, issuer, audience, claims: claimNames(config), allowOrigin, allowHost, trustProxy, org };
}

/** The claims that say what a token allows. */
export function claimNames({ jwtOrgClaim, jwtRolesClaim, jwtInstancesClaim, jwtCrewsClaim }: Config): ClaimNames {
  return { org: jwtOrgClaim, roles: jwtRolesClaim, instances: jwtInstancesClaim, crews: jwtCrewsClaim };
}

/** Where the keys that check tokens come from: those that are named, or else the one that the data directory keeps. */
export async function keySources(config: KeyConfig): Promise<readonly KeySource[]> {
  const { jwtPublicKey, jwksUrl } = config;
  const sources: KeySource[] = [];
  const key = await signingKey(config);
  if (key) sources.push({ kind: "secret", secret: key.secret });
  if (jwtPublicKey !== undefined) {
    const pem = new TextDecoder().decode(contentOf(jwtPublicKey, "jwtPublicKey"));
    sources.push(sound({ kind: "pem", pem }, `jwtPublicKey ${jwtPublicKey}`));
  }
  if (jwksUrl !== undefined) sources.push(sound({ kind: "jwks", url: jwksUrl }, "jwksUrl"));
  return sources;
}

/** A source that can be used. Throws Explained, saying which it is, when it cannot. */
function sound(source: KeySource, name: string): KeySource {
  try {
    new Keys([source], { clock: systemClock });
    return source;
  } catch (thrown) {
    throw new Explained(`${name}: ${messageOf(thrown)}`);
  }
}

/**
 * The secret that signs tokens: the one that is named, or the one of the data directory, which is made when it is not there.
 * Undefined where tokens are signed elsewhere.
 */
export async function signingKey({
  data,
  jwtSecretFile,
  jwtPublicKey,
  jwksUrl,
}: KeyConfig): Promise<SigningKey | undefined> {
  if (jwtSecretFile !== undefined) {
    const secret = secretIn(contentOf(jwtSecretFile, "jwtSecretFile"));
    sound({ kind: "secret", secret }, `jwtSecretFile ${jwtSecretFile}`);
    return { secret, file: jwtSecretFile, isNew: false };
  }
  if (jwtPublicKey !== undefined || jwksUrl !== undefined) return undefined;
  if (data === ":memory:") return { secret: newSecret(), file: undefined, isNew: true };
  return keptKey(data);
}

/** Bytes from the operating system, as text that may be a file and a line of a shell. */
export function newSecret(): Uint8Array {
  return new TextEncoder().encode(randomBytes(32).toString("base64url"));
}

/** The key of a data directory, which is made when it is not there. */
async function keptKey(directory: string): Promise<SigningKey> {
  const file = join(directory, "auth.key");
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const secret = newSecret();
    const handle = openSync(file, "wx", 0o600);
    writeSync(handle, secret);
    fsyncSync(handle);
    closeSync(handle);
    return { secret, file, isNew: true };
  } catch (thrown) {
    if (!isThere(thrown, file)) throw new Explained(`The key that signs tokens cannot be kept: ${messageOf(thrown)}`);
  }
  return { secret: await readKept(file), file, isNew: false };
}

/** Whoever else makes it at this moment has written it soon. */
async function readKept(file: string): Promise<Uint8Array> {
  refuseOthers(file);
  for (let attempts = 0; attempts < 20; attempts++) {
    const secret = secretIn(contentOf(file, "The key that signs tokens"));
    if (secret.length > 0) return secret;
    await setTimeout(50);
  }
  throw new Explained(`${file} is empty: delete it, and the next start makes another key`);
}

/** Whoever reads the key can be anybody. */
function refuseOthers(file: string): void {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0 || process.platform === "win32") return;
  throw new Explained(
    `${file}, the key that signs tokens, may be read by others (mode ${mode.toString(8)}): chmod 600 ${file}, ` +
      "or delete it when somebody may have read it: the next start makes another one, and no token from before counts",
  );
}

/** A text without the end of its line; bytes that are no text as they are. */
function secretIn(content: Uint8Array): Uint8Array {
  const text = Buffer.from(content).toString("latin1");
  return /^[\x20-\x7e]*\r?\n?$/.test(text)
    ? new TextEncoder().encode(text.replace(/\r?\n$/, ""))
    : new Uint8Array(content);
}

function contentOf(file: string, what: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new Explained(`${what} cannot be read: ${messageOf(thrown)}`);
  }
}

function isThere(thrown: unknown, file: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST" && existsSync(file);
}
