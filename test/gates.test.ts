import { appendFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Client, follow, type Seen } from "./support/client.ts";
import { makeFolder, type Started, startSkein } from "./support/process.ts";
import { rest } from "./support/rest.ts";

const second = 1000;
const templates = { sleeper: { command: "sh", args: ["-c", "exec sleep 1000"] } };

/** The exit gates of the control plane's streams, each a test of that name, against a gateway that is a process. */
describe("The control plane", () => {
  const folder = makeFolder();
  let gateway: Started;
  beforeAll(async () => {
    const config = join(folder.path, "skein.config.json");
    const data = join(folder.path, "data");
    mkdirSync(join(data, "logs"), { recursive: true });
    appendFileSync(config, JSON.stringify({ templates }));
    gateway = await startSkein(["--config", config, "--data", data]);
  });
  afterAll(async () => {
    const { body } = await rest(gateway.url, "GET instances");
    for (const { name } of (body as { instances: { name: string }[] }).instances) {
      await rest(gateway.url, `POST instances/${name}/stop`);
    }
    await gateway.run.kill();
    folder[Symbol.dispose]();
  });

  const ask = async (what: string, body?: unknown) => {
    const { status } = await rest(gateway.url, what, body);
    expect(status).toBeLessThan(300);
  };
  const fileOf = (name: string) => join(folder.path, "data", "logs", `${name}.log`);

  /** Does something, and gives how long its frame took to come. */
  async function timeOf(what: string, body: unknown, isIt: (frame: Seen) => boolean): Promise<number> {
    using client = follow("ws", gateway.url, "instances?include_archived=true");
    await client.count(1);
    const began = performance.now();
    await ask(what, body);
    await client.until((frames) => frames.slice(1).some(isIt));
    return performance.now() - began;
  }

  test("upgrade", async () => {
    using client = follow("ws", gateway.url, "instances");
    await client.count(1);
    expect((await fetch(`${gateway.url}/ws/instances`)).status).toBe(426);
  });

  test("snapshot first", async () => {
    using client = follow("ws", gateway.url, "instances");
    expect((await client.count(1))[0]).toMatchObject({ type: "snapshot", include_archived: false });
  });

  test("delta on start, stop, restart, archive, unarchive, create, clone, delete within 1 s", async () => {
    const is = (fields: object) => (frame: Seen) =>
      Object.entries(fields).every(([key, value]) => frame[key] === value);
    const created = { type: "instance_created", name: "a" };
    const draft = { name: "a", template: "sleeper" };
    expect(await timeOf("POST instances", draft, is(created))).toBeLessThan(second);
    const running = is({ type: "status_changed", name: "a", status: "running" });
    expect(await timeOf("POST instances/a/start", {}, running)).toBeLessThan(second);
    expect(await timeOf("POST instances/a/restart", {}, running)).toBeLessThan(second);
    const stopped = is({ type: "status_changed", name: "a", status: "stopped" });
    expect(await timeOf("POST instances/a/stop", {}, stopped)).toBeLessThan(second);
    const archived = is({ type: "instance_archived", name: "a" });
    expect(await timeOf("POST instances/a/archive", {}, archived)).toBeLessThan(second);
    const back = is({ type: "instance_unarchived", name: "a" });
    expect(await timeOf("POST instances/a/unarchive", {}, back)).toBeLessThan(second);
    const cloned = is({ type: "instance_created", name: "b" });
    expect(await timeOf("POST instances/a/clone", { as: "b" }, cloned)).toBeLessThan(second);
    const deleted = is({ type: "instance_deleted", name: "b" });
    expect(await timeOf("DELETE instances/b", undefined, deleted)).toBeLessThan(second);
  });

  test("toggle of archived", async () => {
    await ask("POST instances", { name: "old", template: "sleeper" });
    await ask("POST instances/old/archive", {});
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/instances`);
    using client = new Client();
    socket.on("message", (data) => client.see(String(data)));
    client.attach(() => socket.close());
    expect(namesIn((await client.count(1))[0])).not.toContain("old");
    socket.send('{"type":"set_include_archived","value":true}');
    const [, shown] = await client.count(2);
    expect(shown).toMatchObject({ type: "snapshot", reason: "filter", include_archived: true });
    expect(namesIn(shown)).toContain("old");
  });

  test("lagged → re-snapshot", async () => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/instances`);
    using client = new Client();
    socket.on("message", (data) => client.see(String(data)));
    client.attach(() => socket.terminate());
    await client.count(1);
    socket.pause();
    for (let i = 0; i < 150; i++) {
      const filler = String(i % 10).repeat(100_000);
      await gateway.publish("instances/heavy", { status: "running", filler, i });
    }
    socket.resume();
    await client.until((frames) => frames.some(({ reason }) => reason === "lagged"));
    const snapshot = client.frames.findLast(({ reason }) => reason === "lagged");
    expect(snapshot?.instances).toContainEqual(expect.objectContaining({ name: "heavy", i: 149 }));
    await gateway.publish("instances/heavy", null);
  });

  test("logs backlog, lines, rotation, unknown instance", async () => {
    await ask("POST instances", { name: "talker", template: "sleeper" });
    appendFileSync(fileOf("talker"), "one\ntwo\n");
    using client = follow("ws", gateway.url, "instances/talker/logs");
    await client.until((frames) => linesIn(frames).includes("two"));
    appendFileSync(fileOf("talker"), "three\n");
    await client.until((frames) => linesIn(frames).includes("three"));
    renameSync(fileOf("talker"), `${fileOf("talker")}.1`);
    appendFileSync(fileOf("talker"), "four\n");
    await client.until((frames) => linesIn(frames).includes("four"));
    expect(client.frames[0]).toMatchObject({ type: "backlog" });
    expect(client.frames.filter(({ type }) => type === "rotated")).toHaveLength(1);
    using nobody = follow("ws", gateway.url, "instances/nobody/logs");
    expect(await nobody.ended).toEqual({ code: 4404 });
    expect(nobody.frames).toMatchObject([{ type: "error", code: "instance_not_found" }]);
  });

  test("messages snapshot, delta, both filters", async () => {
    const letter = { from: "x", to: "y", message_type: "task", correlation_id: "c1", payload: { secret: 1 } };
    await ask("POST messages", letter);
    using all = follow("ws", gateway.url, "messages");
    using byInstance = follow("ws", gateway.url, "messages?instance=z");
    using byChain = follow("ws", gateway.url, "messages?correlation_id=c2");
    const events = (await all.count(1))[0]?.recent_events;
    expect(events).toContainEqual(expect.objectContaining({ event: "sent", from: "x", to: "y" }));
    for (const client of [byInstance, byChain]) {
      expect((await client.count(1))[0]).toMatchObject({ type: "snapshot", recent_events: [] });
    }
    await ask("POST messages", { ...letter, to: "z" });
    await ask("POST messages", { ...letter, correlation_id: "c2" });
    expect((await byInstance.count(2))[1]).toMatchObject({ type: "message_event", event: "sent", to: "z" });
    expect((await byChain.count(2))[1]).toMatchObject({ correlation_id: "c2" });
    await all.count(3);
  });

  test("ping/pong", async () => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/instances`);
    const answer = new Promise((resolve) => {
      socket.on("message", (data) => String(data).includes("pong") && resolve(JSON.parse(String(data))));
    });
    socket.on("open", () => socket.send('{"type":"ping"}'));
    expect(await answer).toEqual({ type: "pong" });
    socket.close();
  });

  test("idle close", async () => {
    await using own = await startSkein(["--idle-after", "300ms"]);
    using client = follow("ws", own.url, "instances");
    expect(await client.ended).toEqual({ code: 1001 });
  });

  test("no secrets", async () => {
    const secret = "canary-5f1b";
    using client = follow("ws", gateway.url, "messages");
    await client.count(1);
    await ask("POST messages", { from: "x", to: "y", message_type: "t", payload: { token: secret } });
    await client.count(2);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const said of [client.raw.join("\n"), metrics, gateway.run.stdout, gateway.run.stderr]) {
      expect(said).not.toContain(secret);
    }
  });

  test("many clients see the same", async () => {
    const clients = Array.from({ length: 50 }, (_, i) => follow(i % 2 ? "ws" : "sse", gateway.url, "instances"));
    await Promise.all(clients.map((client) => client.count(1)));
    await ask("POST instances", { name: "seen", template: "sleeper" });
    await Promise.all(clients.map((client) => client.count(2)));
    expect(new Set(clients.map(({ raw }) => raw[1]))).toHaveLength(1);
    for (const client of clients) client.close();
  });

  test("REST beside live connections", async () => {
    using client = follow("ws", gateway.url, "instances");
    await client.count(1);
    const { body, headers } = await rest(gateway.url, "GET instances");
    expect(namesIn(body as Seen)).toEqual(namesIn(client.frames[0]).toSorted());
    const again = await fetch(`${gateway.url}/api/instances`, {
      headers: { "If-None-Match": headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });

  test("graceful shutdown", async () => {
    const own = await startSkein(["--drain", "100ms"]);
    using client = follow("ws", own.url, "instances");
    await client.count(1);
    own.run.signal("SIGTERM");
    expect(await client.ended).toEqual({ code: 1001 });
    expect(await own.run.exit).toMatchObject({ code: 0 });
  });
});

function namesIn(frame: Seen | undefined): string[] {
  return ((frame?.instances ?? []) as { name: string }[]).map(({ name }) => name);
}

function linesIn(frames: readonly Seen[]): string[] {
  return frames.flatMap(({ lines }) => (lines ?? []) as string[]);
}
