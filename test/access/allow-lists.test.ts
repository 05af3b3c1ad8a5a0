import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { type Answer, rest } from "../support/rest.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

const lists = { instances: ["mine", "mine-*"], crews: ["ours"] };
const roles = ["viewer", "operator", "publisher"];
const letter = (from: string, to: string) => ({ from, to, message_type: "t", payload: "secret" });

let gateway: Gateway;
/** A token of everything, and one of the same org with all roles and allow-lists. */
let whole: string;
let limited: string;

async function say(what: string, body?: unknown, as = limited): Promise<Answer> {
  return rest(gateway.url, what, body, bearer(as));
}

beforeAll(async () => {
  gateway = await startGateway({ auth: { ...enforced, org: "acme" } });
  whole = await token({ sub: "ann" });
  limited = await token({ sub: "bob", roles, jti: "bobs", ...lists });
  for (const name of ["mine", "theirs"]) await gateway.publish(`instances/${name}`, { status: "running" }, whole);
  for (const crew of ["ours", "others"]) await gateway.publish(`mission/${crew}`, { status: "busy" }, whole);
});
afterAll(() => gateway.close());

describe("A token with allow-lists does not reach", () => {
  const start = { type: "tool_start", tool: "t" };
  const step = { type: "task_update", task_id: "t1", data: {} };
  test.each<[string, ...unknown[]]>([
    ["GET instances/theirs"],
    ["GET instances/theirs/logs"],
    ["GET instances/theirs/logs/download"],
    ["POST instances", { name: "theirs-2", template: "echo" }],
    ["POST instances/theirs/start"],
    ["POST instances/theirs/stop"],
    ["POST instances/theirs/restart"],
    ["POST instances/theirs/archive"],
    ["POST instances/theirs/unarchive"],
    ["POST instances/theirs/clone", { as: "mine-2" }],
    ["POST instances/mine/clone", { as: "theirs-2" }],
    ["DELETE instances/theirs"],
    ["DELETE instances/theirs?force=true"],
    ["GET inbox/theirs"],
    ["POST messages", letter("theirs", "mine")],
    ["POST publish/instances/theirs", { status: "gone" }],
    ["DELETE publish/instances/theirs"],
    ["DELETE publish/mission/others"],
    ["POST publish/mission/others", { status: "offline" }],
    ["POST publish/graph/others", start],
    ["POST publish/tasks/theirs", step],
    ["POST publish/runs/r1", { type: "boot", crew_id: "others" }],
    ["POST publish/messages/m1", { event: "sent", from: "theirs", to: "mine", message_type: "t" }],
    ["POST revocations", { org: true }],
    ["POST revocations", { sub: "ann" }],
    ["POST revocations", { jti: "anns" }],
  ])("%s %j", async (what, body) => {
    expect(await say(what, body)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  test("a message between others: neither its payload nor what becomes of it", async () => {
    const { body } = await say("POST messages", letter("theirs", "theirs"), whole);
    const { message_id: id } = body as { message_id: string };
    for (const [what, said] of [
      [`GET messages/${id}`],
      [`POST messages/${id}/ack`, { agent: "mine" }],
      [`POST messages/${id}/ack`, { agent: "theirs" }],
      [`POST messages/${id}/fail`, { agent: "theirs" }],
    ] as const) {
      const { status, body: answer } = await say(what, said);
      expect({ what, status }).toEqual({ what, status: 403 });
      expect(JSON.stringify(answer)).not.toContain("secret");
    }
  });

  test("rows of others in lists and snapshots", async () => {
    expect((await say("GET instances")).body).toMatchObject({ instances: [{ name: "mine" }] });
    for (const stream of ["instances", "mission"]) {
      const client = follow("poll", gateway.url, stream, limited);
      const [first] = await client.until((frames) => frames.length > 0);
      client.close();
      expect(JSON.stringify([first, ...client.frames])).not.toMatch(/theirs|others/);
    }
  });

  test("connections of others, by a list or by an id", async () => {
    using client = {
      stream: follow("ws", gateway.url, "instances", whole),
      [Symbol.dispose]() {
        this.stream.close();
      },
    };
    await client.stream.until((frames) => frames.length > 0);
    const { body } = await say("GET gateway");
    const { open, closed } = body as { open: { subject: string }[]; closed: { subject: string }[] };
    expect([...open, ...closed].filter(({ subject }) => subject !== "bob")).toEqual([]);
  });

  test("the numbers of other orgs", async () => {
    const metrics = (as: string) => fetch(`${gateway.url}/metrics`, { headers: bearer(as) });
    expect((await metrics(whole)).status).toBe(200);
    expect((await metrics(limited)).status).toBe(403);
    expect((await say("GET gateway", undefined, whole)).body).toHaveProperty("gateway");
    expect((await say("GET gateway")).body).not.toHaveProperty("gateway");
  });

  test("more by a ticket than by itself", async () => {
    const { body } = await say("POST tickets", { stream: "instances/theirs/logs" });
    const { ticket } = body as { ticket: string };
    const answer = await fetch(`${gateway.url}/sse/instances/theirs/logs?ticket=${encodeURIComponent(ticket)}`);
    expect(answer.status).toBe(403);
    await answer.body?.cancel();
  });

  test("a connection of the same subject that has wider lists", async () => {
    const wider = await fetch(`${gateway.url}/sse/instances`, { headers: bearer(await token({ sub: "bob" })) });
    const connection = wider.headers.get("skein-connection");
    expect(connection).toEqual(expect.any(String));
    expect(await say("POST session/refresh", { connection })).toMatchObject({ status: 403 });
    await wider.body?.cancel();
  });
});

describe("A token with allow-lists reaches", () => {
  test.each<[string, number, ...unknown[]]>([
    ["GET instances/mine", 200],
    ["POST publish/instances/mine-3", 201, { status: "running" }],
    ["DELETE publish/instances/mine-3", 200],
    ["POST publish/mission/ours", 201, { status: "busy" }],
    ["POST publish/graph/ours", 201, { type: "tool_start", tool: "t" }],
    ["POST publish/tasks/mine", 201, { type: "task_update", task_id: "t1", data: {} }],
    ["GET inbox/mine", 200],
    // An agent may write to any other.
    ["POST messages", 201, letter("mine", "theirs")],
    // What instances can be made of and where they run; the names of instances are not in it.
    ["GET templates", 200],
    ["GET nodes", 200],
    // What names neither an instance nor a crew is the whole org's.
    ["POST publish/runs/r1", 201, { type: "boot" }],
    ["POST publish/swarm/agents/a1", 201, { status: "idle" }],
    ["POST publish/attacks/a1", 201, { type: "attack.progress", progress: 1 }],
    ["POST publish/cracks/c1", 201, { type: "crack.submitted", count: 1 }],
  ])("%s: %i", async (what, status, body) => {
    expect((await say(what, body)).status).toBe(status);
  });

  test("its own token and its own subject, to take them back", async () => {
    const own = { sub: "eve", roles: ["operator"], ...lists };
    const one = await token({ ...own, jti: "eves" });
    const other = await token({ ...own, jti: "eves-too" });
    expect((await say("POST revocations", { jti: "eves-too" }, one)).status).toBe(403);
    expect((await say("POST revocations", { jti: "eves" }, one)).status).toBe(204);
    expect((await say("GET session", undefined, one)).body).toMatchObject({ code: "token_revoked" });
    expect((await say("POST revocations", { sub: "eve" }, other)).status).toBe(204);
    expect((await say("GET session", undefined, other)).body).toMatchObject({ code: "token_revoked" });
    expect((await say("GET session", undefined, whole)).status).toBe(200);
  });
});
