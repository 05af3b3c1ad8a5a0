import { z } from "zod";
import { Failure } from "../protocol/failure.ts";
import { jsonIn } from "../protocol/json.ts";
import type { LogRequest } from "../protocol/log.ts";

const offset = z.int().min(0);
const generation = z.string().regex(/^[a-z0-9]{15}$/, { error: "expected a generation" });
const mark = z.string().regex(/^[a-z0-9]{7}$/, { error: "expected a mark" });
const place = z.object({ generation, offset, mark });
const by = z.string().min(1).max(256);

const request: z.ZodType<LogRequest> = z.discriminatedUnion("op", [
  z.object({ op: z.literal("follow"), by }),
  z.object({ op: z.literal("leave"), by }),
  z.object({ op: z.literal("after"), since: place.nullable(), upTo: place.exactOptional() }),
  z.object({ op: z.literal("backlog"), lines: offset, upTo: place.exactOptional() }),
  z.object({ op: z.literal("bytes"), generation: generation.exactOptional(), from: offset }),
]);

/** What a gateway asks. Throws `bad_request` that names the field. */
export function parseRequest(data: Uint8Array): LogRequest {
  const parsed = request.safeParse(jsonIn(data, { fault: "bad_request", what: "The request" }));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure("bad_request", `${issue?.path.join(".") || "request"}: ${issue?.message}`);
}
