import { describe, expect, test } from "vitest";
import { clearedCookie, sessionCookie } from "../../src/auth/cookie.ts";
import { credentialOf } from "../../src/auth/credential.ts";

const jwt = "aaaa.bbbb.cccc";

function of(headers: Record<string, string>, query = "") {
  const all = new Headers({ host: "gw.example", ...headers });
  return credentialOf({ headers: all, search: new URLSearchParams(query), stream: undefined });
}

describe("a credential", () => {
  const everything = {
    authorization: "Bearer h.h.h",
    "sec-websocket-protocol": "token, s.s.s",
    cookie: "skein_session=c.c.c",
  };

  test("that was said beats one that a browser adds by itself", () => {
    const query = "ticket=t.t&token=q.q.q";
    expect(of(everything, query)).toEqual({ kind: "header", value: "h.h.h" });
    const { authorization: _, ...noHeader } = everything;
    expect(of(noHeader, query)).toEqual({ kind: "subprotocol", value: "s.s.s" });
    expect(of({ cookie: everything.cookie }, query)).toEqual({ kind: "ticket", value: "t.t" });
    expect(of({ cookie: everything.cookie }, "token=q.q.q")).toEqual({ kind: "query", value: "q.q.q" });
    expect(of({ cookie: everything.cookie })).toEqual({ kind: "cookie", value: "c.c.c" });
    expect(of({})).toBeUndefined();
  });

  test.each([
    "Bearer",
    "Bearer ",
    "",
    "Basic dTpw",
    "Token a.b.c",
    "a.b.c",
    "Bearer a b",
    "Bearer a, Bearer b",
    "Bearera.b.c",
  ])("in the header %j is malformed, whatever else is there", (authorization) => {
    expect(() => of({ ...everything, authorization }, `token=${jwt}`)).toThrow(
      expect.objectContaining({ code: "token_invalid", status: 401 }),
    );
  });

  test.each(["bearer a.b.c", "BEARER   a.b.c", "Bearer a.b.c "])("may be written %j in the header", (authorization) => {
    expect(of({ authorization })).toEqual({ kind: "header", value: "a.b.c" });
  });

  test.each([
    "token",
    "token,",
    "token, ",
    "token, token",
    "a.b.c, token",
    "token, a.b.c, token",
    "token, a, token, b",
  ])("among the subprotocols %j is malformed", (offered) => {
    expect(() => of({ "sec-websocket-protocol": offered }, `token=${jwt}`)).toThrow(
      expect.objectContaining({ code: "token_invalid" }),
    );
  });

  test.each(["chat", "chat, json", "Token, a.b.c", "tokens, a.b.c", ""])(
    "is not among the subprotocols %j",
    (offered) => {
      expect(of({ "sec-websocket-protocol": offered })).toBeUndefined();
    },
  );

  test.each(["token, a.b.c", "token,a.b.c", "chat, token, a.b.c", "token , a.b.c , chat"])(
    "is among the subprotocols %j",
    (offered) => {
      expect(of({ "sec-websocket-protocol": offered })).toEqual({ kind: "subprotocol", value: "a.b.c" });
    },
  );

  test.each([
    ["token=a&token=b", "token_invalid"],
    ["token=a&token=a", "token_invalid"],
    ["token=", "token_invalid"],
    ["token", "token_invalid"],
    ["ticket=a&ticket=b", "ticket_invalid"],
    ["ticket=&token=a.b.c", "ticket_invalid"],
  ])("in the query %j is malformed", (query, code) => {
    expect(() => of({}, query)).toThrow(expect.objectContaining({ code }));
  });
});

describe("the cookie", () => {
  const cookie = `skein_session=${jwt}`;
  const own: Record<string, string>[] = [
    {},
    { origin: "http://gw.example" },
    { origin: "https://gw.example", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
  ];
  test.each(own)("counts from our own page: %j", (headers) => {
    expect(of({ cookie, ...headers })).toEqual({ kind: "cookie", value: jwt });
  });

  const foreign: Record<string, string>[] = [
    { origin: "http://evil.example" },
    { origin: "http://gw.example.evil.example" },
    { origin: "http://gw.example:81" },
    { origin: "null" },
    { origin: "" },
    { origin: "null", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "Same-Origin" },
    { "sec-fetch-site": "" },
  ];
  test.each(foreign)("does not count from another one: %j", (headers) => {
    expect(of({ cookie, ...headers })).toBeUndefined();
  });

  test.each([`${cookie}; ${cookie}`, `${cookie};skein_session=`, "skein_session=", "x=1; skein_session="])(
    "is malformed as %j",
    (text) => {
      expect(() => of({ cookie: text })).toThrow(expect.objectContaining({ code: "token_invalid" }));
    },
  );

  test.each([
    "other=1",
    "xskein_session=a.b.c",
    "skein_session2=a.b.c",
    "Skein_Session=a.b.c",
    "skein_session",
    "=",
    ";;",
  ])("is none of %j", (text) => {
    expect(of({ cookie: text })).toBeUndefined();
  });

  test("is found among others", () => {
    expect(of({ cookie: `a=1; ${cookie} ;b=2` })).toEqual({ kind: "cookie", value: jwt });
  });

  test("is kept from scripts, from other sites and from plain HTTP, and ends with its token", () => {
    const expiresAtMs = Date.UTC(2026, 0, 1);
    const rest = "Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly; SameSite=Strict";
    expect(sessionCookie(jwt, { isSecure: true, expiresAtMs })).toBe(`${cookie}; ${rest}; Secure`);
    expect(sessionCookie(jwt, { isSecure: false, expiresAtMs })).toBe(`${cookie}; ${rest}`);
    expect(clearedCookie).toBe("skein_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
  });

  test.each(["", "a; Domain=example", "a\r\nX: y", "a b", "é"])("is never made of %j", (token) => {
    expect(() => sessionCookie(token, { isSecure: true, expiresAtMs: 0 })).toThrow(
      expect.objectContaining({ code: "token_invalid" }),
    );
  });
});
