import type { NatsOptions } from "../bus/nats.ts";
import { type NatsOutlet, openNatsOutlet } from "../bus/outlet.ts";
import { encodeToken, subjectOf } from "../protocol/subject.ts";
import type { Outlet } from "./outlet.ts";

/** How many messages wait for their acknowledgement at a time: enough for a far server, few enough for none to time out. */
const width = 1024;

/** Publishes on NATS, in an org. Throws an Error that says what cannot be used; resolves when NATS is away, too. */
export async function natsOutlet(options: NatsOptions, org: string): Promise<Outlet> {
  const nats: NatsOutlet = await openNatsOutlet(options);
  return {
    width,
    keepsOrder: true,
    publish: ({ names, body, id }) => nats.put(subjectOf(org, names.map(encodeToken).join(".")), body, id),
    onUp: (listener) => nats.onState((state) => state === "up" && listener()),
    close: () => nats.close(),
  };
}
