import { setTimeout } from "node:timers/promises";
import pc from "picocolors";
import { z } from "zod";
import { elementsOf } from "../protocol/elements.ts";
import { ask, Refused } from "./ask.ts";
import { Explained, log, messageOf } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { print } from "./listen.ts";
import { harmless } from "./table.ts";

export interface InboxOptions {
  readonly gateway: Gateway;
  readonly follow?: boolean;
  readonly ack?: boolean;
  readonly json?: boolean;
}

const letter = z.object({
  message_id: z.string(),
  from: z.string(),
  message_type: z.string(),
  correlation_id: z.string().optional(),
  attempts: z.number(),
  payload: z.unknown(),
});

const waitSeconds = 20;
const retryMs = 1000;

/** Prints the messages that wait for an agent, and with `follow` each new one; with `ack` each is acknowledged. */
export async function inbox(agent: string, options: InboxOptions): Promise<void> {
  const { follow } = options;
  for (;;) {
    const letters = await take(agent, options).catch((thrown: unknown) => {
      if (!follow || !isWorthTrying(thrown)) throw thrown;
      log(`${messageOf(thrown)}; trying again`);
      return setTimeout(retryMs, undefined);
    });
    for (const one of letters ?? []) await show(agent, one, options);
    if (letters?.length === 0 && !follow) return;
  }
}

/** Each message as the text that it is: parsed and written again, long numbers would lose digits. */
async function take(agent: string, { gateway, follow }: InboxOptions): Promise<string[]> {
  const body = await ask(gateway, `/api/inbox/${encodeURIComponent(agent)}?wait=${follow ? waitSeconds : 0}`);
  return elementsOf(body.slice(body.indexOf("["), body.lastIndexOf("]") + 1));
}

async function show(agent: string, text: string, { gateway, ack, json }: InboxOptions): Promise<void> {
  const parsed = letter.safeParse(JSON.parse(text)).data;
  if (parsed === undefined) throw new Explained("The gateway gave a message that this skein does not understand");
  await print(json ? text : linesOf(parsed));
  if (!ack) return;
  const body = { agent };
  await ask(gateway, `/api/messages/${encodeURIComponent(parsed.message_id)}/ack`, { method: "POST", body }).catch(
    noteOver,
  );
}

/** One that is over meanwhile needs no acknowledgement. */
function noteOver(thrown: unknown): void {
  if (!(thrown instanceof Refused && thrown.code === "conflict")) throw thrown;
  log(thrown.message);
}

function linesOf({
  message_id,
  from,
  message_type,
  correlation_id,
  attempts,
  payload,
}: z.infer<typeof letter>): string {
  const about = correlation_id === undefined ? "" : ` about ${harmless(correlation_id)}`;
  const again = attempts > 1 ? `, delivery ${attempts}` : "";
  const head = `${pc.cyan(harmless(message_type))} from ${pc.bold(harmless(from))}${about}`;
  return `${head} ${pc.dim(`${message_id}${again}`)}\n  ${harmless(JSON.stringify(payload))}`;
}

function isWorthTrying(thrown: unknown): boolean {
  if (thrown instanceof Refused) return thrown.status === 429 || thrown.status >= 500;
  return thrown instanceof Explained;
}
