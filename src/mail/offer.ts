import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { inboxSubject, type Letter } from "../protocol/letter.ts";
import { letterJson } from "./letter-text.ts";

/** How long a receiver may take to answer an offer. */
export const answerWithinMs = 5_000;

/** How many bytes of what somebody says of a letter are kept. */
export const mostDetailBytes = 1024;

/**
 * The result of an offer. `missed`: no answer arrived in time; `cut`: unknown, because the connection to the bus was lost;
 * `lost`: the payload is no longer stored.
 */
export type Outcome =
  | { readonly is: "acknowledged"; readonly detail: string | null }
  | { readonly is: "refused"; readonly detail: string | null }
  | { readonly is: "delivered" | "missed" | "cut" | "lost" };

const reply = z.union([
  z.object({ ack: z.literal(true), detail: z.string().nullish() }).transform(
    ({ detail }): Outcome => ({
      is: "acknowledged",
      detail: detail == null ? null : clipped(detail),
    }),
  ),
  z.object({ fail: z.string() }).transform(({ fail }): Outcome => ({ is: "refused", detail: clipped(fail) })),
]);

/** Offers a letter to its receiver over the bus. */
export async function offer(bus: Bus, org: string, letter: Letter): Promise<Outcome> {
  try {
    // The letter as it is once this offer is heard.
    const heard: Letter = { ...letter, status: "delivered", attempts: letter.attempts + 1 };
    const data = new TextEncoder().encode(letterJson(heard));
    return outcomeOf(await bus.request(inboxSubject(org, letter.to), data, answerWithinMs));
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    // Whoever looks on at all subjects hears an inbox too: that it was heard says nothing, only an answer does.
    if (thrown.code === "no_responder") return { is: "missed" };
    if (thrown.code !== "bus_away") return { is: "delivered" };
    return { is: bus.state === "up" ? "missed" : "cut" };
  }
}

function outcomeOf(answer: Uint8Array): Outcome {
  return reply.safeParse(maybeJsonIn(answer)).data ?? { is: "delivered" };
}

/** So much of a text as may be kept, without half a character at its end. */
function clipped(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= mostDetailBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, mostDetailBytes)).replace(/\ufffd$/, "");
}
