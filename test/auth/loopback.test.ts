import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLoopback } from "../../src/auth/loopback.ts";

const names = [
  "localhost",
  "LOCALHOST",
  "app.localhost",
  "127.0.0.1",
  "127.255.255.254",
  "::1",
  "[::1]",
  "0:0:0:0:0:0:0:1",
];

describe("this machine alone", () => {
  test.each([...names, "::ffff:127.0.0.1", "[::ffff:7f00:1]", "127.1"])("is %s", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  test("is every address of 127.0.0.0/8", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(fc.property(byte, byte, byte, (a, b, c) => isLoopback(`127.${a}.${b}.${c}`)));
  });
});

describe("another machine, or none", () => {
  test.each([
    ...["localhost.evil.com", "localhost-evil", "localhosts", "127.0.0.1.evil.com", "127.evil", "127.evil.com", "127."],
    ...[
      "[::1].evil",
      "::1.evil",
      "[::1]evil",
      "[::1",
      "::2",
      "::",
      "0.0.0.0",
      "128.0.0.1",
      "1270.0.0.1",
      "::ffff:10.0.0.1",
    ],
    ...[
      "evillocalhost",
      "notlocalhost",
      ".evil",
      "",
      " localhost",
      "localhost/",
      "evil@localhost",
      "localhost#",
      "localhost:80:1",
    ],
  ])("is %j", (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  test("is whatever goes on after the name of this machine", () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
    const name = fc.constantFrom(...names.filter((one) => one !== "LOCALHOST"));
    const rest = fc
      .tuple(fc.constantFrom(".", "-", ""), label, fc.constantFrom(".com", ".example", ".x"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(name, rest, (host, more) => !isLoopback(host + more)),
      { numRuns: 2_000 },
    );
  });

  test("is whatever lies below another domain, and nothing of it throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => !isLoopback(`${text}.evil.com`)),
      { numRuns: 2_000 },
    );
  });
});
