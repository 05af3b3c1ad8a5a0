import { Failure } from "../protocol/failure.ts";
import type { Asking } from "./asking.ts";
import { cookieIn } from "./cookie.ts";
import { isSameOrigin } from "./origin.ts";

/** What a request shows to say who asks, and where it was found. */
export interface Credential {
  readonly kind: "header" | "subprotocol" | "ticket" | "query" | "cookie";
  readonly value: string;
}

/**
 * The credential of a request, or undefined when it has none; what somebody said beats what a browser adds by itself.
 *
 * Throws `token_invalid` or `ticket_invalid` when one is there and is malformed: that is never the same as none.
 */
export function credentialOf({ headers, search }: Asking): Credential | undefined {
  const header = bearerIn(headers);
  if (header !== undefined) return { kind: "header", value: header };
  const subprotocol = subprotocolOf(headers);
  if (subprotocol !== undefined) return { kind: "subprotocol", value: subprotocol };
  const ticket = onlyOne(search, "ticket");
  if (ticket !== undefined) return { kind: "ticket", value: ticket };
  const query = onlyOne(search, "token");
  if (query !== undefined) return { kind: "query", value: query };
  const cookie = isOwnPage(headers) ? cookieIn(headers) : undefined;
  return cookie === undefined ? undefined : { kind: "cookie", value: cookie };
}

/** The token in `Sec-WebSocket-Protocol: token, <token>`, or undefined when no `token` is offered. Throws `token_invalid`. */
export function subprotocolOf(headers: Headers): string | undefined {
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  const at = offered.indexOf("token");
  if (at === -1) return undefined;
  const token = offered[at + 1];
  if (!token || offered.indexOf("token", at + 1) !== -1)
    throw new Failure("token_invalid", "Offer the subprotocols `token` and then the token itself, once");
  return token;
}

function bearerIn(headers: Headers): string | undefined {
  const header = headers.get("authorization");
  if (header === null) return undefined;
  const [, token] = /^Bearer +([^\s,]+)$/i.exec(header.trim()) ?? [];
  if (token === undefined) throw new Failure("token_invalid", "The header Authorization must be `Bearer` and a token");
  return token;
}

function onlyOne(search: URLSearchParams, name: "ticket" | "token"): string | undefined {
  const values = search.getAll(name);
  if (values.length === 0) return undefined;
  const [value] = values;
  if (values.length === 1 && value) return value;
  throw new Failure(`${name}_invalid`, `The parameter ${name} must be given once, and not be empty`);
}

/** Whether a page of our own asks, as far as the browser says; a cookie that another page's request carries is not meant. */
function isOwnPage(headers: Headers): boolean {
  if (headers.has("origin")) return isSameOrigin(headers);
  const site = headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}
