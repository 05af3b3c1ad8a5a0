import { describe, expect, test } from "vitest";
import { limitKey, Peers } from "../../src/auth/peer.ts";

const peers = new Peers(["10.0.0.0/8", "192.0.2.1", "2001:db8:aaaa::/48", "::1"]);

function address(remote: string | undefined, forwarded?: string): string {
  return peers.addressOf(remote, new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }));
}

describe("the client's address", () => {
  test("is the connection's when nobody forwards", () => {
    expect(address("203.0.113.5")).toBe("203.0.113.5");
    expect(address("10.1.2.3")).toBe("10.1.2.3");
    expect(address("2001:0db8:0000::0001")).toBe("2001:db8::1");
    expect(address("fe80::1%eth0")).toBe("fe80::1");
    expect(address(undefined)).toBe("");
    expect(address("not an address")).toBe("");
  });

  test("is the connection's when whoever forwards is not trusted", () => {
    expect(address("203.0.113.5", "198.51.100.1")).toBe("203.0.113.5");
    expect(address("203.0.113.5", "127.0.0.1, 10.0.0.1")).toBe("203.0.113.5");
    expect(address("192.0.2.2", "198.51.100.1")).toBe("192.0.2.2");
    expect(address(undefined, "198.51.100.1")).toBe("");
  });

  test("is what a trusted proxy heard, not what the client wrote before it", () => {
    expect(address("10.0.0.1", "198.51.100.1")).toBe("198.51.100.1");
    expect(address("10.0.0.1", "127.0.0.1, 198.51.100.1")).toBe("198.51.100.1");
    expect(address("10.0.0.1", "1.1.1.1,,garbage, 198.51.100.1 ,10.9.9.9")).toBe("198.51.100.1");
    expect(address("2001:db8:aaaa:1::7", "127.0.0.1, 2001:DB8:BBBB::1")).toBe("2001:db8:bbbb::1");
    expect(address("192.0.2.1", "198.51.100.1, 10.0.0.2, 10.0.0.3")).toBe("198.51.100.1");
  });

  test("is the last good one when a proxy says garbage", () => {
    for (const garbage of ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "999.1.1.1", "01.2.3.4", "::g", "<script>"])
      expect(address("10.0.0.1", `198.51.100.1, ${garbage}, 10.0.0.2`)).toBe("10.0.0.2");
  });

  test("is the first one when all are trusted", () => {
    expect(address("10.0.0.1", "10.0.0.3, 10.0.0.2")).toBe("10.0.0.3");
  });

  test("may come with a port", () => {
    expect(address("10.0.0.1", "198.51.100.1:4711")).toBe("198.51.100.1");
    expect(address("10.0.0.1", "[2001:db8::1]:4711")).toBe("2001:db8::1");
    expect(address("10.0.0.1", "[2001:db8::1]")).toBe("2001:db8::1");
  });

  test("is IPv4 when it is IPv4 in IPv6", () => {
    expect(address("::ffff:203.0.113.5")).toBe("203.0.113.5");
    expect(address("::FFFF:cb00:7105")).toBe("203.0.113.5");
    expect(address("::ffff:10.0.0.1", "::ffff:198.51.100.1")).toBe("198.51.100.1");
  });

  test("is nobody's word when no proxy is trusted", () => {
    const alone = new Peers([]);
    expect(alone.addressOf("127.0.0.1", new Headers({ "x-forwarded-for": "198.51.100.1" }))).toBe("127.0.0.1");
  });
});

describe("TLS", () => {
  const said = (proto: string) => new Headers({ "x-forwarded-proto": proto });

  test("is what we see, or what a trusted proxy says", () => {
    expect(peers.isSecure(true, "203.0.113.5", said("http"))).toBe(true);
    expect(peers.isSecure(false, "10.0.0.1", said("https"))).toBe(true);
    expect(peers.isSecure(false, "::ffff:10.0.0.1", said("HTTPS"))).toBe(true);
    expect(peers.isSecure(false, "10.0.0.1", said("http, https"))).toBe(true);
  });

  test("is nothing that anybody else says", () => {
    expect(peers.isSecure(false, "203.0.113.5", said("https"))).toBe(false);
    expect(peers.isSecure(false, undefined, said("https"))).toBe(false);
    expect(peers.isSecure(false, "10.0.0.1", said("https, http"))).toBe(false);
    expect(peers.isSecure(false, "10.0.0.1", new Headers())).toBe(false);
  });
});

describe("limits count", () => {
  test("an IPv4 address as itself, and unknown ones together", () => {
    expect(limitKey("203.0.113.5")).toBe("203.0.113.5");
    expect(limitKey("")).toBe("");
  });

  test("all of an IPv6 /64 as one", () => {
    expect(limitKey("2001:db8::1")).toBe("2001:db8:0:0::/64");
    expect(limitKey("2001:db8:0:0:ffff:ffff:ffff:ffff")).toBe("2001:db8:0:0::/64");
    expect(limitKey("2001:db8:0:1::1")).toBe("2001:db8:0:1::/64");
    expect(limitKey("::1")).toBe("0:0:0:0::/64");
    expect(limitKey("1:2:3:4:5:6:7:8")).toBe("1:2:3:4::/64");
  });
});

test.each(["10.0.0.0/33", "::/129", "proxy.example", "", "10.0.0", "10.0.0.0/", "/8", "10.0.0.0/8/8"])(
  "%j is no proxy to trust, and that is said at once",
  (text) => {
    expect(() => new Peers([text])).toThrow(`${text} is neither an address nor a network`);
  },
);
