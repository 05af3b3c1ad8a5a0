import type { Certificates } from "../bus/tls.ts";
import { isolatedClock } from "../protocol/background.ts";
import { type Clock, systemClock } from "../protocol/clock.ts";
import type { DeskParts } from "./desk.ts";
import { farewell } from "./farewell.ts";
import { httpOutlet, type Token } from "./http-outlet.ts";
import type { Drop } from "./outbox.ts";
import type { MailOutlet, Outlet } from "./outlet.ts";
import { Publisher } from "./publisher.ts";

/** What publishers have in common. */
export interface PublisherOptions {
  /** How many messages wait at the most until they are stored. When there are more, the oldest is dropped. Default 10,000. */
  readonly bufferMessages?: number;
  /** How many bytes they have at the most. Default 16 MiB. */
  readonly bufferBytes?: number;
  /** Hears of every message that will never be stored. Default: some of them are said on standard error. */
  readonly onDrop?: (drop: Drop) => void;
  /** What happens when the process ends by itself or by a signal: `flush` gives it up to 5 s to deliver. Default `flush`. */
  readonly onExit?: "flush" | "nothing";
  /** The time; this machine's when not given. */
  readonly clock?: Clock;
  /** A number from 0 to 1; Math.random when not given. */
  readonly random?: () => number;
}

/** How to publish on NATS. */
export interface NatsPublisherOptions extends PublisherOptions {
  /** One or more URLs, comma separated: `nats://host:4222`, `nats://user:password@host`, `tls://host`. */
  readonly nats: string;
  /** Default `default`, which is the org of gateways without tokens. */
  readonly org?: string;
  /** The text of a file with NATS credentials. */
  readonly creds?: string;
  /** What TLS is spoken with, as PEM. */
  readonly certificates?: Certificates;
  /** What inboxes begin with, for servers that give every user its own. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Hears in words why NATS cannot be reached; never a credential. */
  readonly report?: (trouble: string) => void;
}

/** How to publish through a gateway. */
export interface HttpPublisherOptions extends PublisherOptions {
  /** `http://host:7420`. */
  readonly http: string;
  /** A token with the role `publisher`, or what gives one; its org is where everything goes. */
  readonly token?: Token;
}

/** On NATS, through a gateway, or both: then messages between agents go through the gateway, everything else on NATS. */
export type ConnectOptions =
  | (NatsPublisherOptions & Partial<Omit<HttpPublisherOptions, keyof PublisherOptions>>)
  | (HttpPublisherOptions & { readonly nats?: undefined; readonly org?: undefined });

/**
 * Opens a publisher; it resolves also when nobody is there, and buffers until somebody is.
 *
 * Throws an Error that says which option cannot be used, and shows no credential. Over NATS the connection keeps the process
 * alive until `close`.
 */
export function connect(options: ConnectOptions): Promise<Publisher> {
  if (options.nats !== undefined) return openNatsPublisher(options);
  if (options.http !== undefined) return openHttpPublisher(options);
  return Promise.reject(
    new Error('Say where to: connect({ nats: "nats://host:4222" }) or connect({ http: "http://host" })'),
  );
}

/** Publishes on NATS; messages between agents only where `http` is given, too. Throws as `connect` does. */
export async function openNatsPublisher(
  options: NatsPublisherOptions & Partial<Omit<HttpPublisherOptions, keyof PublisherOptions>>,
): Promise<Publisher> {
  const { nats: url, org = "default", http, token, clock = systemClock, ...rest } = options;
  const mail = http === undefined ? undefined : httpOutlet({ url: http, token });
  // Half of the time that a publisher takes to load, for those that need it.
  const { natsOutlet } = await import("./nats-outlet.ts");
  const outlet = await natsOutlet({ ...rest, url, clock }, org);
  return opened(options, outlet, mail);
}

/** Publishes through a gateway. Throws as `connect` does. */
export async function openHttpPublisher(options: HttpPublisherOptions): Promise<Publisher> {
  if ("org" in options && options.org !== undefined) {
    throw new Error("Over HTTP the org is that of the token: leave org out");
  }
  const outlet = httpOutlet({ url: options.http, token: options.token });
  return opened(options, outlet, outlet);
}

function opened(options: PublisherOptions, outlet: Outlet, mail: MailOutlet | undefined): Publisher {
  const { bufferMessages = 10_000, bufferBytes = 16 * 1024 * 1024, onDrop = warner(), onExit = "flush" } = options;
  const { random = Math.random } = options;
  const clock = isolatedClock(options.clock ?? systemClock, console.error);
  for (const [name, value] of Object.entries({ bufferMessages, bufferBytes })) {
    if (!(value >= 1)) throw new Error(`${name} must be 1 or more`);
  }
  const parts: DeskParts = {
    ...{ outlet, mail, clock, random, onDrop },
    ...{ mostMessages: bufferMessages, mostBytes: bufferBytes },
  };
  const publisher = new Publisher(parts, (closed) => farewell.delete(closed));
  if (onExit === "flush") farewell.add(publisher);
  return publisher;
}

/** Says the first drop, the tenth, the hundredth and so on: whoever loses much need not read much. */
function warner(): (drop: Drop) => void {
  let count = 0;
  let next = 1;
  return ({ tail, failure }) => {
    if (++count < next) return;
    next *= 10;
    console.warn(
      `skein: ${count === 1 ? "a message" : `${count} messages so far`} dropped; to ${tail}: ${failure.message}`,
    );
  };
}
