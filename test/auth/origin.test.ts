import { describe, expect, test } from "vitest";
import { Origins } from "../../src/auth/origin.ts";

const allowOrigin = ["https://app.example.com", "http://dev.example.com:3000"];
const origins = new Origins({ allowOrigin, allowHost: ["skein.example.org"], host: "gw.example.net" });

function refused(headers: Record<string, string>): string | undefined {
  try {
    origins.refuseForeign(new Headers(headers));
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "no failure";
  }
}

describe("a page may use this gateway", () => {
  test.each([
    ["http://localhost:8000", "localhost:8000"],
    ["https://gw.example.net", "gw.example.net"],
    ["https://gw.example.net", "gw.example.net:443"],
    ["http://gw.example.net", "gw.example.net:80"],
    ["http://GW.example.net", "gw.EXAMPLE.net"],
    ["http://[::1]:8000", "[::1]:8000"],
    ["https://app.example.com", "gw.example.net"],
    ["http://dev.example.com:3000", "127.0.0.1:8000"],
  ])("from %s at %s", (origin, host) => {
    expect(refused({ origin, host })).toBeUndefined();
  });

  test("that is no page: a program says no origin", () => {
    expect(refused({ host: "localhost:8000" })).toBeUndefined();
    expect(refused({})).toBeUndefined();
  });
});

describe("a page may not use this gateway", () => {
  test.each([
    "https://evil.example",
    "null",
    "",
    "http://gw.example.net:8080",
    "http://app.example.com",
    "https://app.example.com:444",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://app.example.com@evil.example",
    "https://app.example.com, https://gw.example.net",
    "https://gw.example.net/",
    "file://",
    "chrome-extension://gw.example.net",
    "gw.example.net",
    "http://gw.example.net\\@evil.example",
  ])("from %j", (origin) => {
    expect(refused({ origin, host: "gw.example.net" })).toBe("forbidden_origin");
    expect(origins.allows(origin)).toBe(false);
  });

  test("on an allowed page's other port, or without a host that could be the same", () => {
    expect(refused({ origin: "http://dev.example.com", host: "gw.example.net" })).toBe("forbidden_origin");
    expect(refused({ origin: "http://gw.example.net" })).toBe("forbidden_origin");
  });
});

describe("this gateway is reached under the name", () => {
  test.each([
    "127.0.0.1",
    "127.0.0.1:8000",
    "192.0.2.7",
    "[::1]:8000",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST:8000",
    "gateway",
    "gateway:8000",
    "a.b.localhost",
    "gw.example.net:8000",
    "GW.Example.Net",
    "skein.example.org",
    "app.example.com",
    "dev.example.com:8000",
  ])("%s", (host) => {
    expect(refused({ host })).toBeUndefined();
  });
});

describe("this gateway is not reached under the name", () => {
  test.each([
    "evil.example",
    "evil.example:8000",
    "sub.gw.example.net",
    "gw.example.net.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example",
    "evillocalhost.example",
    "localhost.",
    "",
    "a b",
    "user@localhost",
    "localhost/path",
    "localhost, evil.example",
    "localhost:99999",
    "[::1",
    "localhost#",
    "localhost\\evil.example",
  ])("%j, also when the page calls itself so", (host) => {
    expect(refused({ host })).toBe("forbidden_host");
    expect(refused({ host, origin: `http://${host}` })).toBe("forbidden_host");
  });
});

test("a setting that is no origin is refused at once", () => {
  for (const bad of ["app.example.com", "null", "https://a/b", "ftp://a"])
    expect(() => new Origins({ allowOrigin: [bad], allowHost: [], host: "127.0.0.1" })).toThrow(
      /is not an origin like/,
    );
});
