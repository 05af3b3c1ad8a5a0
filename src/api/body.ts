import type { z } from "zod";
import { Failure } from "../protocol/failure.ts";
import { objectIn } from "../protocol/json.ts";
import { issueText } from "../stream/query.ts";
import type { Call } from "./entrance.ts";

/** What a body is called that is not of its form: one that asks for something, or one that is published. */
type BodyFault = "bad_request" | "invalid_body";

/**
 * The JSON object that is the body of a request, checked by a schema.
 *
 * Throws `bad_request`, or what else a fault is called, which names the field and shows nothing of what was sent;
 * `body_too_large` when it has more than `maxBytes` bytes.
 */
export async function parseBody<Body>(
  schema: z.ZodType<Body>,
  call: Call,
  maxBytes: number,
  fault: BodyFault = "bad_request",
): Promise<Body> {
  const parsed = schema.safeParse(objectIn(await readBody(call, maxBytes), { fault, maxBytes }));
  if (parsed.success) return parsed.data;
  throw new Failure(fault, issueText(parsed.error));
}

/**
 * The bytes of a body, read no further than the limit: one that is sent in chunks does not say how long it is.
 *
 * Throws `body_too_large`, `too_many_publishes`.
 */
export async function readBody({ req, var: { visitor } }: Call, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of req.raw.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw new Failure("body_too_large", `The body must not be larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("bad_request", "The body ended before it was whole");
  }
  visitor.spend("publishBytes", size);
  return Buffer.concat(chunks);
}
