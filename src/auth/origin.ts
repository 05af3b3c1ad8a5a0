import { Failure } from "../protocol/failure.ts";

/**
 * Whether a request does not come from a page of another site.
 *
 * Browsers name the page's origin (RFC 6454); programs other than browsers name none, and are not what this is against.
 */
export function isSameOrigin(headers: Headers): boolean {
  const origin = headers.get("origin");
  return origin === null || (URL.canParse(origin) && new URL(origin).host === headers.get("host"));
}

/** The refusal of a request that a page of another site has made. */
export function foreignOrigin(): Failure {
  return new Failure("forbidden_origin", "A page of another origin may not use this gateway");
}
