import { Client } from "./client.ts";
import { Connection } from "./connection.ts";
import type { OpenLink } from "./link.ts";
import { PollWire } from "./poll.ts";
import { shareTabs } from "./share.ts";
import { transports as all, type ConnectOptions, type Skein, type Transport } from "./skein.ts";
import { EventWire } from "./sse.ts";
import { type Surroundings, surroundings as world } from "./surroundings.ts";
import type { WireMaker } from "./wire.ts";
import { SocketWire } from "./ws.ts";

const wires: Readonly<Record<Transport, WireMaker>> = { ws: SocketWire, sse: EventWire, poll: PollWire };

/**
 * Makes a connection to a gateway, which is there while at least one stream is followed.
 *
 * `url` is where the gateway is, with the path prefix when it has one, absolute or relative to the page. Throws TypeError
 * when it is no address of `http:` or `https:`, and for a transport that does not exist.
 */
export function connect(url: string, options: ConnectOptions = {}): Skein {
  return connectIn(world, url, options);
}

/** The same in other surroundings. */
export function connectIn(
  surroundings: Surroundings,
  url: string,
  { token, transports = all, share }: ConnectOptions,
): Skein {
  const base = surroundings.resolve(url).replace(/\/*([?#].*)?$/s, "/");
  const [transport] = transports;
  if (!/^https?:/.test(base)) throw new TypeError(`"${url}" is no address with http: or https:`);
  if (!transport || transports.some((one) => !all.includes(one))) throw new TypeError(`transports: some of ${all}`);
  const parts = { base, token, transports, wires, surroundings };
  const alone: OpenLink = (ear) => new Connection(parts, ear);
  const open = share === "tabs" ? shareTabs(alone, parts) : alone;
  return new Client({ open, transport, after: surroundings.after });
}
