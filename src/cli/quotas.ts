import type { Config } from "../config.ts";
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
    readBytes: config.limitReadBytes,
    publishes: config.limitPublishes,
    publishBytes: config.limitPublishBytes,
  };
}
