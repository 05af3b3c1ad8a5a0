import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { productStreams } from "../../src/index.ts";
import { defineFeed } from "../../src/stream/define.ts";
import { follow, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { bearer, enforced, openWithKey, token } from "../support/tokens.ts";
import { get, upgrade } from "./asking.ts";

let gateway: Gateway;
let good: string;
let bad: string;

beforeAll(async () => {
  gateway = await startGateway({ auth: enforced });
  good = await token();
  bad = `${good.slice(0, -6)}AAAAAA`;
});

afterAll(() => gateway.close());

describe("Where everybody needs a token, a WebSocket", () => {
  const to = (search = "") => `${gateway.url}/ws/instances${search}`;

  test("opens for a token in the header, in the query and as subprotocol, which is not repeated", async () => {
    const opened = { status: 101, frame: { type: "snapshot" }, close: 1000 };
    expect(await upgrade(to(), { headers: bearer(good) })).toMatchObject({ ...opened, protocol: "" });
    expect(await upgrade(to(`?token=${good}`))).toMatchObject(opened);
    expect(await upgrade(to(), { protocols: ["token", good] })).toMatchObject({ ...opened, protocol: "token" });
  });

  test("opens for a cookie when the page is our own, and never for one of another page", async () => {
    const cookie = `skein_session=${good}`;
    const own = { cookie, origin: gateway.url };
    expect(await upgrade(to(), { headers: own })).toMatchObject({ status: 101, frame: { type: "snapshot" } });
    const other = { cookie, origin: "https://evil.example" };
    expect(await upgrade(to(), { headers: other })).toMatchObject({ status: 403, frame: { code: "forbidden_origin" } });
  });

  test("is refused with 401 before it opens for a bad header, query or cookie, and without anything", async () => {
    const refused = { status: 401, frame: { code: "token_invalid" } };
    expect(await upgrade(to(), { headers: bearer(bad) })).toMatchObject(refused);
    expect(await upgrade(to(`?token=${bad}`))).toMatchObject(refused);
    expect(await upgrade(to(), { headers: { cookie: `skein_session=${bad}`, origin: gateway.url } })).toMatchObject(
      refused,
    );
    expect(await upgrade(to("?ticket=nonsense"))).toMatchObject({ status: 401, frame: { code: "ticket_invalid" } });
    expect(await upgrade(to())).toMatchObject({ status: 401, frame: { code: "token_required" } });
  });

  test("opens, says why and closes with 4401 where a page would see no status", async () => {
    const told = { status: 101, close: 4401 };
    const page = { origin: gateway.url };
    expect(await upgrade(to(), { protocols: ["token", bad] })).toMatchObject({
      ...told,
      frame: { code: "token_invalid" },
    });
    expect(await upgrade(to(), { headers: page })).toMatchObject({ ...told, frame: { code: "token_required" } });
    const late = await token({ exp: Math.floor(Date.now() / 1000) - 31 });
    expect(await upgrade(to(), { protocols: ["token", late] })).toMatchObject({
      ...told,
      frame: { code: "token_expired" },
    });
  });

  test("closes with 4403 when the token's role or lists do not allow the stream", async () => {
    const publisher = await token({ roles: ["publisher"] });
    const told = { status: 101, close: 4403, frame: { code: "forbidden" } };
    expect(await upgrade(to(), { headers: bearer(publisher) })).toMatchObject(told);
    const limited = await token({ instances: ["web-*"] });
    const log = `${gateway.url}/ws/instances/db-1/logs`;
    expect(await upgrade(log, { headers: bearer(limited) })).toMatchObject(told);
  });
});

describe("Where everybody needs a token,", () => {
  test.each(["sse/instances", "poll/instances", "api/instances", "api/streams", "metrics"])(
    "%s is refused with 401 without one, and with a bad one, and never treated as nobody's",
    async (path) => {
      const none = await get(`${gateway.url}/${path}`);
      expect([none.status, JSON.parse(none.text).code]).toEqual([401, "token_required"]);
      expect(none.headers["www-authenticate"]).toBe("Bearer");
      for (const headers of [bearer(bad), { authorization: "Basic YTpi" }, { cookie: "skein_session=x" }]) {
        const { status, text } = await get(`${gateway.url}/${path}`, headers);
        expect([status, JSON.parse(text).code]).toEqual([401, "token_invalid"]);
      }
      const { status, text } = await get(`${gateway.url}/${path}?token=${bad}`);
      expect([status, JSON.parse(text).code]).toEqual([401, "token_invalid"]);
    },
  );

  test.each(["sse/instances", "poll/instances", "api/instances", "api/streams"])(
    "%s is there for a token in the header, the query or our own cookie",
    async (path) => {
      for (const headers of [bearer(good), { cookie: `skein_session=${good}` }]) {
        expect((await get(`${gateway.url}/${path}`, headers)).status).toBe(200);
      }
      expect((await get(`${gateway.url}/${path}?token=${good}`)).status).toBe(200);
    },
  );

  test("whoever only watches the process needs none", async () => {
    expect((await get(`${gateway.url}/healthz`)).status).toBe(200);
    expect((await get(`${gateway.url}/readyz`)).status).toBe(200);
    expect((await get(`${gateway.url}/`)).status).toBe(200);
  });

  test("the metrics are for operators of the gateway's own org", async () => {
    const as = async (facts: Parameters<typeof token>[0]) =>
      (await get(`${gateway.url}/metrics`, bearer(await token(facts)))).status;
    expect(await as({ org: "acme" })).toBe(403);
    expect(await as({ org: "default", roles: ["viewer"] })).toBe(403);
    expect(await as({ org: "default", roles: ["operator"] })).toBe(200);
  });
});

describe("A ticket", () => {
  const issue = async (stream: string, as = good) => {
    const response = await fetch(`${gateway.url}/api/tickets`, {
      method: "POST",
      headers: bearer(as),
      body: JSON.stringify({ stream }),
    });
    return (await response.json()) as { ticket: string; expires_at: string };
  };

  test("opens its stream once, over any transport, as whoever asked for it", async () => {
    await gateway.publish("instances/web-1", { status: "running" }, good);
    for (const transport of ["sse", "poll"]) {
      const { ticket } = await issue("instances");
      const { status, text } = await get(`${gateway.url}/${transport}/instances?ticket=${ticket}`);
      expect([status, text.includes("web-1")]).toEqual([200, true]);
      const again = await get(`${gateway.url}/${transport}/instances?ticket=${ticket}`);
      expect([again.status, JSON.parse(again.text).code]).toEqual([401, "ticket_invalid"]);
    }
    const { ticket } = await issue("/instances?include_archived=true");
    expect(await upgrade(`${gateway.url}/ws/instances?ticket=${ticket}`)).toMatchObject({ status: 101 });
  });

  test("opens no other stream and no API, and is not used up by the attempt", async () => {
    const { ticket, expires_at } = await issue("messages");
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(30_000);
    for (const path of ["sse/instances", "sse/runs/messages", "api/instances"]) {
      const { status, text } = await get(`${gateway.url}/${path}?ticket=${ticket}`);
      expect([status, JSON.parse(text).code]).toEqual([401, "ticket_invalid"]);
    }
    expect((await get(`${gateway.url}/sse/messages?ticket=${ticket}`)).status).toBe(200);
  });

  test("is for the one spelling of a path, however it is escaped", async () => {
    const { ticket } = await issue("instances/web%2D1/logs");
    const { status } = await get(`${gateway.url}/poll/instances/web-1/logs?ticket=${ticket}`);
    expect(status).toBe(200);
    const { ticket: slashed } = await issue("instances/a%2Fb/logs");
    expect((await get(`${gateway.url}/poll/instances/a/b/logs?ticket=${slashed}`)).status).toBe(401);
  });

  test("is refused with the field that is wrong", async () => {
    const post = (body: string) =>
      fetch(`${gateway.url}/api/tickets`, { method: "POST", headers: bearer(good), body }).then((got) => got.json());
    expect(await post("{}")).toMatchObject({ code: "bad_request", message: expect.stringContaining('"stream"') });
    expect(await post('{"stream":""}')).toMatchObject({ code: "bad_request" });
    expect(await post('{"stream":"%ff"}')).toMatchObject({ code: "bad_request" });
  });
});

describe("Where nobody needs a token", () => {
  const guarded = defineFeed({
    path: "secrets",
    description: "d",
    subject: "secrets.:id",
    access: { role: "viewer", needsToken: true, names: {} },
    rejectedBody: "hidden",
    query: z.strictObject({}),
    event: z.looseObject({ type: z.string() }),
    keepMs: 60_000,
    messages: {},
    past: { kind: "whole" },
    frame: (event) => event,
    shows: () => true,
    ends: () => false,
  });
  let open: Gateway;

  beforeAll(async () => {
    open = await startGateway({ auth: openWithKey, streams: [...productStreams, guarded] });
  });

  afterAll(() => open.close());

  test.each(transports)("a stream that needs one is refused without, over %s", async (transport) => {
    const client = follow(transport, open.url, "secrets");
    expect((await client.count(1))[0]).toMatchObject({ type: "error", code: "token_required" });
    expect((await client.ended).code).toBe(transport === "ws" ? 4401 : 401);
    using other = follow(transport, open.url, "secrets", good);
    expect((await other.count(1))[0]).toMatchObject({ type: "snapshot" });
    using ordinary = follow(transport, open.url, "instances");
    expect((await ordinary.count(1))[0]).toMatchObject({ type: "snapshot" });
  });

  test.each(transports)("a bad one is refused, and not taken for none, over %s", async (transport) => {
    const client = follow(transport, open.url, "instances", bad);
    expect((await client.count(1))[0]).toMatchObject({ type: "error", code: "token_invalid" });
    expect((await client.ended).code).toBe(transport === "ws" ? 4401 : 401);
  });

  test("a one-time link gives our own page a session with everything, in a cookie that no script can read", async () => {
    const ticket = await open.skein.link();
    const link = `${open.url}/session?ticket=${ticket}`;
    const { status, headers } = await get(link);
    expect([status, headers.location]).toEqual([303, "./"]);
    const [cookie = ""] = headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^skein_session=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    const [pair = ""] = cookie.split(";");
    expect((await get(`${open.url}/sse/secrets`, { cookie: pair })).status).toBe(200);
    expect(JSON.parse((await get(`${open.url}/api/session`, { cookie: pair })).text)).toMatchObject({ org: "default" });
    expect((await get(link)).status).toBe(401);
  });

  test("who came without a token can get no ticket for a stream that needs one", async () => {
    const response = await fetch(`${open.url}/api/tickets`, { method: "POST", body: '{"stream":"secrets"}' });
    const { ticket } = (await response.json()) as { ticket: string };
    const { status, text } = await get(`${open.url}/sse/secrets?ticket=${ticket}`);
    expect([status, JSON.parse(text).code]).toEqual([401, "token_required"]);
  });
});

describe("A page of our own", () => {
  test("keeps its token in a cookie, is told who it is, and forgets it again", async () => {
    const headers = { ...bearer(good), origin: gateway.url };
    const began = await fetch(`${gateway.url}/api/session`, { method: "POST", headers });
    const cookie = began.headers.get("set-cookie") ?? "";
    expect([began.status, cookie.includes(good), cookie.includes("HttpOnly; SameSite=Strict")]).toEqual([
      201,
      true,
      true,
    ]);
    const who = await fetch(`${gateway.url}/api/session`, { headers: { cookie: `skein_session=${good}` } });
    expect(await who.json()).toMatchObject({ subject: "ann", org: "acme", roles: ["viewer", "operator", "publisher"] });
    const gone = await fetch(`${gateway.url}/api/session`, { method: "DELETE", headers });
    const old = { cookie: `skein_session=${bad}`, origin: gateway.url };
    const alsoGone = await fetch(`${gateway.url}/api/session`, { method: "DELETE", headers: old });
    for (const { status, headers: said } of [gone, alsoGone]) {
      expect([status, said.get("set-cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")]);
    }
  });
});
