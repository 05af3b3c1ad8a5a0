import { Failure } from "../protocol/failure.ts";
import { objectIn } from "../protocol/json.ts";
import { ask, Refused } from "./ask.ts";
import { destinationOf } from "./destination.ts";
import { Explained, log, messageOf } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { givenOrInput } from "./input.ts";
import { print } from "./listen.ts";

export interface PublishOptions {
  readonly gateway: Gateway;
  readonly key?: string;
  /** Deletes the row of a table. */
  readonly delete?: true;
  /** The NATS servers to publish on in place of the gateway. */
  readonly via?: string;
}

/** How long NATS may take, in milliseconds. */
const patienceMs = 5000;

/** Publishes one message, or deletes a row, and prints the answer. Throws Explained when it was refused. */
export async function publish(subject: string, json: string | undefined, options: PublishOptions): Promise<void> {
  const { gateway, key, via } = options;
  const body = await bodyOf(subject, json, options);
  const names = subject.split(subject.includes("/") ? "/" : ".");
  if (via !== undefined) return print(JSON.stringify(await onNats(names, body, options).catch(notPublished)));
  const path = names.map(encodeURIComponent).join("/");
  const question =
    body === undefined ? ({ method: "DELETE", key } as const) : ({ method: "POST", text: body, key } as const);
  await print(await ask(gateway, `/api/publish/${path}`, question).catch(notPublished));
}

/** What is to be published; undefined when a row is to be deleted. Throws Explained when it cannot be meant. */
async function bodyOf(subject: string, json: string | undefined, options: PublishOptions): Promise<string | undefined> {
  if (options.delete) {
    if (json !== undefined) throw new Explained("--delete takes no JSON: it deletes the row");
    return undefined;
  }
  const body = await givenOrInput(json, options.gateway);
  if (body !== "") return body;
  throw new Explained(`The body is empty, so nothing is published; to delete a row: skein publish --delete ${subject}`);
}

/** Publishes on NATS. Throws a Failure. */
async function onNats(names: readonly string[], body: string | undefined, { gateway, via, key }: PublishOptions) {
  const event = body === undefined ? undefined : objectIn(new TextEncoder().encode(body));
  const publisher = await destinationOf(gateway, via).open(log);
  const publication = { ...(key !== undefined && { id: key }) };
  const receipt = event === undefined ? publisher.remove(names) : publisher.publish(names, event, publication);
  // What is not stored by then is refused as the publisher closes.
  const [settled] = await Promise.allSettled([receipt, publisher.close(patienceMs)]);
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}

function notPublished(thrown: unknown): never {
  if (thrown instanceof Refused) throw new Explained(`Not published (${thrown.status}): ${thrown.message}`);
  if (thrown instanceof Failure) throw new Explained(`Not published (${thrown.code}): ${messageOf(thrown)}`);
  throw thrown;
}
