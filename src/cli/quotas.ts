import { limitKey, Peers } from "../auth/peer.ts";
import type { Config } from "../config.ts";
import type { ListenOptions } from "../server.ts";
import type { SkeinOptions } from "../skein.ts";

/** How much anybody may have of everything. */
export function quotasOf(config: Config): NonNullable<SkeinOptions["quotas"]> {
  return {
    connections: config.limitConnections,
    connects: config.limitConnects,
    subscriptions: config.limitSubscriptions,
    subscribes: config.limitSubscribes,
    messages: config.limitMessages,
    reads: config.limitReads,
    publishes: config.limitPublishes,
    publishBytes: config.limitPublishBytes,
  };
}

/** How many sockets one address may hold: as many as connections. A proxy that is believed holds those of many. */
export function socketQuotaOf({
  limitConnections: { address: most },
  trustProxy,
}: Config): Pick<ListenOptions, "perAddress"> {
  if (most === 0) return {};
  const peers = new Peers(trustProxy);
  const keyOf = (remote: string) =>
    peers.addressOf(remote, elsewhere.headers) === elsewhere.address
      ? undefined
      : limitKey(peers.addressOf(remote, new Headers()));
  return { perAddress: { most, keyOf } };
}

const unspecified = "0.0.0.0";

/** What only a believed proxy can say: nobody comes from there. */
const elsewhere = { address: unspecified, headers: new Headers({ "x-forwarded-for": unspecified }) };
