import { BlockList, isIP, isIPv4 } from "node:net";

/** Whom requests come from, also through proxies that are believed. */
export class Peers {
  readonly #proxies = new BlockList();

  /** Takes addresses and networks like `10.0.0.0/8`. Throws an Error that names what is neither. */
  constructor(trustProxy: readonly string[]) {
    for (const text of trustProxy) this.#trust(text);
  }

  /** The address of the client: of the connection, or what trusted proxies say in `X-Forwarded-For`. Canonical; "" when unknown. */
  addressOf(remote: string | undefined, headers: Headers): string {
    let address = plainAddress(remote ?? "");
    if (address === undefined) return "";
    const said = (headers.get("x-forwarded-for") ?? "").split(",");
    // Each proxy adds at the right whom it heard; what lies left of an untrusted one, anybody may have written.
    while (said.length > 0 && this.#trusts(address)) {
      const before = plainAddress(withoutPort(said.pop() ?? ""));
      if (before === undefined) break;
      address = before;
    }
    return address;
  }

  /** Whether the client came over TLS: to us, or as a trusted proxy says in `X-Forwarded-Proto`. */
  isSecure(encrypted: boolean, remote: string | undefined, headers: Headers): boolean {
    const address = plainAddress(remote ?? "");
    if (encrypted || address === undefined || !this.#trusts(address)) return encrypted;
    const said = (headers.get("x-forwarded-proto") ?? "").split(",");
    return said.at(-1)?.trim().toLowerCase() === "https";
  }

  /** What limits count a socket as; undefined for a proxy that is believed, which holds those of many. */
  socketKey(remote: string): string | undefined {
    const address = plainAddress(remote) ?? "";
    return address !== "" && this.#trusts(address) ? undefined : limitKey(address);
  }

  #trusts(address: string): boolean {
    return this.#proxies.check(address, familyOf(address));
  }

  #trust(text: string): void {
    const [, written = "", digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const address = plainAddress(written);
    const most = address !== undefined && isIPv4(address) ? 32 : 128;
    const bits = digits === undefined ? most : Number(digits);
    if (address === undefined || bits > most) throw new Error(`${text} is neither an address nor a network`);
    this.#proxies.addSubnet(address, bits, familyOf(address));
  }
}

/** What limits count an address as: IPv6 clients get a whole /64 each, so they are counted by it. */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  return `${wordsOf(address).slice(0, 4).join(":")}::/64`;
}

/** An address in its one canonical form, a mapped IPv4 address as IPv4; undefined when it is none. */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const [address = ""] = trimmed.includes(":") ? trimmed.split("%") : [trimmed];
  const family = isIP(address);
  if (family !== 6) return family === 4 ? address : undefined;
  const words = wordsOf(address);
  const isMapped = words.slice(0, 5).every((word) => word === "0") && words[5] === "ffff";
  if (!isMapped) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  const bytes = words.slice(6).flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
  return bytes.join(".");
}

/** The eight words of an IPv6 address, without leading zeros. */
function wordsOf(address: string): string[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = "", right] = canonical.split("::");
  const before = left.split(":").filter(Boolean);
  const after = (right ?? "").split(":").filter(Boolean);
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(text.trim()) ?? [];
  return bracketed ?? plain ?? text;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv4(address) ? "ipv4" : "ipv6";
}
