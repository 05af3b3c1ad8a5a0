import { isIPv4 } from "node:net";

/**
 * Whether a host is this machine alone: `localhost`, a name below it (RFC 6761), an address of 127.0.0.0/8, or `::1`.
 *
 * Takes a host as it is listened on or as a URL has it, with or without the brackets of IPv6. A name that merely begins or ends
 * like one of them is another machine's.
 */
export function isLoopback(host: string): boolean {
  const name = canonical(host);
  if (name === undefined) return false;
  if (name === "[::1]" || name === "localhost" || name.endsWith(".localhost")) return true;
  return isIPv4(name) && name.startsWith("127.");
}

/** A host as the URL standard writes it, a mapped IPv4 address as IPv4; undefined when it is no host. */
function canonical(host: string): string | undefined {
  const isBareV6 = host.includes(":") && !host.startsWith("[");
  const bracketed = isBareV6 ? `[${host}]` : host;
  if (!/^[^\s/?#@\\,%]+$/.test(bracketed) || /\]./.test(bracketed)) return undefined;
  const hostname = URL.parse(`http://${bracketed}`)?.hostname;
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(hostname ?? "") ?? [];
  if (high === undefined || low === undefined) return hostname;
  const [h, l] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [h >> 8, h & 255, l >> 8, l & 255].join(".");
}
