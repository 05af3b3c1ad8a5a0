import type { CountName, Quota, RateName } from "../../src/limits/quotas.ts";

/** No limit in any scope. */
export const none: Quota = { principal: 0, address: 0, org: 0 };

/** No limit of any kind; a test sets those that it is about. */
export const unlimited: Readonly<Record<RateName | CountName, Quota>> = {
  connections: none,
  connects: none,
  subscriptions: none,
  subscribes: none,
  messages: none,
  reads: none,
  readBytes: none,
  publishes: none,
  publishBytes: none,
};
