import { type KeySource, signToken } from "../auth/jwt.ts";
import type { Config } from "../config.ts";
import { Credential } from "./credential.ts";
import { newSecret } from "./keys.ts";
import { claimsOf } from "./token.ts";

const lifeMs = 3_600_000;

/** Lets a process into the gateway that it runs itself, by a key that nobody else ever has. */
export interface OwnAccess {
  /** For the gateway. */
  readonly source: KeySource;
  /** An operator's credential, good for an hour. */
  credential(): Promise<Credential>;
}

/** A key of this process, and what it opens. */
export function ownAccess(config: Config): OwnAccess {
  const secret = newSecret();
  return {
    source: { kind: "secret", secret },
    async credential() {
      const claims = claimsOf(config, { role: ["viewer", "operator"], ttl: lifeMs, sub: "skein start" });
      return Credential.ofToken(await signToken(claims, secret));
    },
  };
}
