import { Failure } from "../protocol/failure.ts";
import { idempotencyKeyLengthMax } from "../protocol/limits.ts";
import type { Call } from "./entrance.ts";

/** The header `Idempotency-Key` of a request, which makes its repetition harmless. Throws `bad_request`. */
export function idempotencyKey(request: Pick<Call["req"], "header">): string | undefined {
  const key = request.header("idempotency-key");
  if (key === undefined || (key.length > 0 && key.length <= idempotencyKeyLengthMax)) return key;
  throw new Failure("bad_request", `The header "Idempotency-Key" must have 1 to ${idempotencyKeyLengthMax} characters`);
}
