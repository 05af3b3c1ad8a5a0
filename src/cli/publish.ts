import { ask, Refused } from "./ask.ts";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { givenOrInput } from "./input.ts";
import { print } from "./listen.ts";

export interface PublishOptions {
  readonly gateway: Gateway;
  readonly key?: string;
}

/** Publishes one message through a gateway and prints its answer. Throws Explained when it was refused. */
export async function publish(subject: string, json: string | undefined, options: PublishOptions): Promise<void> {
  const { gateway, key } = options;
  const body = await givenOrInput(json, gateway);
  const path = (subject.includes("/") ? subject : subject.replaceAll(".", "/"))
    .split("/")
    .map(encodeURIComponent)
    .join("/");
  const answer = await ask(gateway, `/api/publish/${path}`, { method: "POST", text: body, key }).catch(notPublished);
  await print(answer);
}

function notPublished(thrown: unknown): never {
  if (!(thrown instanceof Refused)) throw thrown;
  throw new Explained(`Not published (${thrown.status}): ${thrown.message}`);
}
