import { Failure } from "../protocol/failure.ts";

const name = "skein_session";
/** Neither a cookie's own grammar nor a header's can be broken with these. */
const harmless = /^[A-Za-z0-9._~+/=-]+$/;

interface SessionCookie {
  /** Whether the browser came over TLS: it then never sends the cookie without. */
  readonly isSecure: boolean;
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/**
 * The `Set-Cookie` that lets a browser keep a token where no script can read it.
 *
 * Throws `token_invalid` when the text could not be a token.
 */
export function sessionCookie(token: string, { isSecure, expiresAtMs }: SessionCookie): string {
  if (!harmless.test(token)) throw new Failure("token_invalid", "That is not a token");
  const expires = new Date(expiresAtMs).toUTCString();
  return `${name}=${token}; Path=/; Expires=${expires}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

/** The `Set-Cookie` that makes a browser forget the token. */
export const clearedCookie = `${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;

/** The token in a request's cookies, or undefined when there is none. Throws `token_invalid` when there are two, or an empty one. */
export function cookieIn(headers: Headers): string | undefined {
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  if (values.length === 0) return undefined;
  const [token] = values;
  // A neighbouring site may have set the other one, and nobody knows which came first.
  if (values.length > 1) throw new Failure("token_invalid", `There are two cookies ${name}; send one`);
  if (!token) throw new Failure("token_invalid", `The cookie ${name} is empty`);
  return token;
}
