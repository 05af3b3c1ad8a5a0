import { describe, expect, test } from "vitest";
import { type ClaimNames, principalOf } from "../../src/auth/claims.ts";
import { claimNames } from "./tokens.ts";

const base = { exp: 2_000_000_000, iat: 1_900_000_000, sub: "ada", org: "acme", roles: ["viewer"] };

function of(over: Record<string, unknown>, names: Partial<ClaimNames> = {}) {
  return principalOf({ ...base, ...over, exp: base.exp }, { ...claimNames, ...names });
}

test("a token says who asks, in which org, with which roles and lists, and how long", () => {
  const instances = ["web-*", "db"];
  expect(of({ jti: "t1", instances, crews: [], roles: ["operator", "viewer"] })).toEqual({
    subject: "ada",
    org: "acme",
    roles: new Set(["viewer", "operator"]),
    scope: { instances, crews: [] },
    token: { id: "t1", issuedAtMs: 1_900_000_000_000, expiresAtMs: 2_000_000_000_000 },
  });
});

test("a token that does not say when it was issued counts as issued in 1970", () => {
  expect(of({ iat: undefined }).token).toEqual({ issuedAtMs: 0, expiresAtMs: 2_000_000_000_000 });
});

describe("roles", () => {
  test.each([
    [
      ["viewer", "publisher"],
      ["viewer", "publisher"],
    ],
    ["viewer operator", ["viewer", "operator"]],
    ["admin  viewer ", ["viewer"]],
    [["admin", "root", "Viewer", " viewer", "viewer operator", "__proto__"], []],
    ["", []],
    [[], []],
    [undefined, []],
  ])("%j are %j", (said, roles) => {
    expect([...of({ roles: said }).roles].sort()).toEqual([...roles].sort());
  });

  test.each([7, null, true, { viewer: true }, ["viewer", 7], [["viewer"]]])("are never %j", (roles) => {
    expect(() => of({ roles })).toThrow(/"roles" is missing or wrong/);
  });
});

describe.each(["sub", "org"])("the claim %s", (claim) => {
  test.each([undefined, null, "", 7, true, ["acme"], { name: "acme" }, "\ud800", "acme\udfff"])(
    "is never %j",
    (value) => {
      expect(() => of({ [claim]: value })).toThrow(`The token's claim "${claim}" is missing or wrong`);
    },
  );

  test("has an end", () => {
    const most = claim === "org" ? 128 : 256;
    for (const name of ["x".repeat(most), "é".repeat(most / 2)]) of({ [claim]: name });
    for (const name of ["x".repeat(most + 1), "é".repeat(most / 2 + 1)])
      expect(() => of({ [claim]: name })).toThrow(`is longer than ${most} bytes`);
  });

  test.each(["*", ">", "a.b", "a b", "é", "e\u0301", "\0", "\r\n", "../x", "%2A", "💥", "\ufffd"])(
    "may be %j, which is that name and no other",
    (value) => {
      expect(of({ [claim]: value })).toMatchObject({ [claim === "sub" ? "subject" : "org"]: value });
    },
  );
});

describe.each(["instances", "crews"])("the list %s", (claim) => {
  test.each([null, "web-*", 7, true, {}, [7], [null], [["web"]], Array(1001).fill("x")])("is never %j", (value) => {
    expect(() => of({ [claim]: value })).toThrow(/is missing or wrong/);
  });

  test("allows nothing when it is empty, and everything when it is absent", () => {
    expect(of({ [claim]: [] }).scope).toEqual({ [claim]: [] });
    expect(of({}).scope).toBeUndefined();
  });
});

describe("names of claims", () => {
  test("may be addresses", () => {
    const org = "https://skein.example/org";
    expect(of({ [org]: "blue", org: "red" }, { org }).org).toBe("blue");
  });

  test("lead into objects by dots", () => {
    const claims = { realm_access: { roles: ["operator"] }, tenant: { id: { name: "blue" } } };
    const found = of(claims, { roles: "realm_access.roles", org: "tenant.id.name" });
    expect(found).toMatchObject({ org: "blue", roles: new Set(["operator"]) });
  });

  test("mean the claim of that very name before anything in an object", () => {
    expect(of({ "tenant.id": "red", tenant: { id: "blue" } }, { org: "tenant.id" }).org).toBe("red");
  });

  test.each(["constructor.name", "__proto__.x", "toString", "org.length", "roles.0", "org.x", ".", ""])(
    "find nothing that the token does not say: %j",
    (name) => {
      expect(() => of({}, { org: name })).toThrow(/is missing or wrong/);
    },
  );
});
