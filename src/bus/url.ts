import type { ConnectionOptions } from "nats";

/** Servers and credentials, apart from each other: the first may be logged, the second never. */
export interface Address {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: NonNullable<ConnectionOptions["tls"]>;
}

const schemes = new Set(["nats:", "tls:"]);

/**
 * Takes apart one or more NATS URLs, comma separated: `nats://host:4222`, `nats://user:pass@host`, `nats://token@host`,
 * `tls://host`.
 *
 * The first credentials found are used for all of them. Throws an Error that does not repeat the URL.
 */
export function parseUrl(text: string): Address {
  const urls = text.split(",").map((part) => parseOne(part.trim()));
  const named = urls.find(({ username }) => username !== "");
  return {
    servers: urls.map(({ host }) => host),
    ...(named && credentials(named)),
    ...(urls.some(({ protocol }) => protocol === "tls:") && { tls: {} }),
  };
}

function parseOne(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `nats://${text}`);
  if (url?.hostname && schemes.has(url.protocol)) return url;
  throw new Error("A NATS URL looks like nats://host:4222, several are separated by commas");
}

function credentials({ username, password }: URL): Partial<Address> {
  const user = decodeURIComponent(username);
  return password === "" ? { token: user } : { user, pass: decodeURIComponent(password) };
}
