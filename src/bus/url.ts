/** Servers and credentials, apart from each other: the first may be logged, the second never. */
export interface Address {
  readonly servers: readonly string[];
  /** The names or addresses of the servers without their ports. */
  readonly hosts: readonly string[];
  /** Whether one of them may be spoken to by TLS only. */
  readonly isSecure: boolean;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
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
    hosts: urls.map(({ hostname }) => hostname.replace(/^\[(.*)\]$/, "$1")),
    isSecure: urls.some(({ protocol }) => protocol === "tls:"),
    ...(named && credentials(named)),
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
