import { z } from "zod";
import { ask, askFor } from "./ask.ts";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { givenOrInput } from "./input.ts";
import { print } from "./listen.ts";

export interface SendOptions {
  readonly gateway: Gateway;
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly correlation?: string;
  readonly json?: boolean;
}

const sent = z.looseObject({ message_id: z.string() });

/** Sends a message between agents and prints its id. Throws Explained when it was refused. */
export async function send(given: string | undefined, options: SendOptions): Promise<void> {
  const { gateway, from, to, type, correlation, json } = options;
  const payload = payloadIn(await givenOrInput(given, gateway));
  const head = { from, to, message_type: type, correlation_id: correlation };
  // The payload travels as it is written: parsed and written again, long numbers would lose digits.
  const body = `${JSON.stringify(head).slice(0, -1)},"payload":${payload}}`;
  const metadata = await askFor(sent, ask(gateway, "/api/messages", { method: "POST", text: body }));
  await print(json ? JSON.stringify(metadata) : metadata.message_id);
}

/** The payload when it is JSON. No message shows what it is: it may be a secret. */
function payloadIn(said: string): string {
  if (said === "") throw new Explained("There is no payload: give JSON as the last argument or on standard input");
  try {
    JSON.parse(said);
    return said;
  } catch {
    throw new Explained(`The payload is not JSON; a text needs quotation marks of its own: '"hello"'`);
  }
}
