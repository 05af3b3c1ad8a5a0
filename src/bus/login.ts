import type { Authenticator } from "nats";
import { credentialsAuthenticator } from "./credentials.ts";
import { type Certificates, type Tls, tlsWith } from "./tls.ts";
import { parseUrl } from "./url.ts";

/** Where the servers are, and what is shown to them. Only `servers` may be told to anybody. */
export interface Login {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly authenticator?: Authenticator;
  /** With it no connection is made without TLS. */
  readonly tls?: Tls;
}

/** What a login is made of. */
export interface LoginParts {
  readonly url: string;
  readonly creds: string | undefined;
  readonly certificates: Certificates;
  readonly nowMs: number;
}

/** Throws an Error that says which part cannot be used, and shows none of them. */
export function loginOf({ url, creds, certificates, nowMs }: LoginParts): Login {
  const { servers, hosts, isSecure, ...named } = parseUrl(url);
  const wantsTls = isSecure || Object.values(certificates).some((pem) => pem !== undefined);
  const tls = wantsTls ? { tls: tlsWith(certificates, hosts, nowMs) } : {};
  if (creds === undefined) return { servers, ...named, ...tls };
  if (named.user !== undefined || named.token !== undefined) {
    throw new Error(
      "There is a user or token in the NATS address and a file with NATS credentials (natsCreds): give one",
    );
  }
  return { servers, authenticator: credentialsAuthenticator(creds, nowMs), ...tls };
}
