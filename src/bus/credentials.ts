import { type Authenticator, jwtAuthenticator, nkeys } from "nats";

const jwtBlock = /-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+/;
const seedBlock = /-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+/;
const utf8 = new TextEncoder();

/**
 * Proves to NATS who we are by the text of a credentials file: a JWT and the seed of the key it is for.
 *
 * Throws an Error that says what is wrong and never shows the content.
 */
export function credentialsAuthenticator(text: string, nowMs: number): Authenticator {
  const jwt = jwtBlock.exec(text)?.[1];
  const seed = seedBlock.exec(text)?.[1];
  if (jwt === undefined || seed === undefined) {
    throw new Error(
      "NATS credentials have a block NATS USER JWT and a block USER NKEY SEED, as nsc writes them; these have not both",
    );
  }
  const { sub, exp } = claimsOf(jwt);
  if (sub !== publicKeyOf(seed)) {
    throw new Error("The JWT and the seed of these NATS credentials belong to different users");
  }
  if (typeof exp === "number" && exp * 1000 <= nowMs) {
    throw new Error(`These NATS credentials expired at ${new Date(exp * 1000).toISOString()}; get new ones`);
  }
  return jwtAuthenticator(jwt, utf8.encode(seed));
}

interface Claims {
  readonly sub?: unknown;
  /** In seconds since 1970. */
  readonly exp?: unknown;
}

function claimsOf(jwt: string): Claims {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
    if (typeof claims === "object" && claims !== null) return claims;
  } catch {
    // Its message would show a part of it.
  }
  throw new Error("The JWT of these NATS credentials is none");
}

function publicKeyOf(seed: string): string {
  try {
    return nkeys.fromSeed(utf8.encode(seed)).getPublicKey();
  } catch {
    throw new Error("The seed of these NATS credentials is none");
  }
}
