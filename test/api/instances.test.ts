import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { echo, RemoteNode } from "../support/remote-node.ts";
import { type Answer, rest } from "../support/rest.ts";

describe.each(buses)("over %s", (_, openBus) => {
  let testBus: TestBus;
  let gateway: Gateway;
  let node: RemoteNode;
  const ask = (what: string, body?: unknown, headers?: Readonly<Record<string, string>>) =>
    rest(gateway.url, what, body, headers);
  const make = (name: string) => ask("POST instances", { name, template: "echo" });

  beforeAll(async () => {
    testBus = await openBus();
    gateway = await startGateway({ bus: testBus.bus });
    node = await RemoteNode.start(testBus.bus, "near");
  });

  afterAll(async () => {
    node.die();
    await gateway.close();
    await testBus[Symbol.asyncDispose]();
  });

  test("an instance is made, and found by its address and in the list", async () => {
    const made = await ask("POST instances", {
      name: "made-1",
      template: "echo",
      params: { word: "hi" },
      node: "near",
    });
    expect(made).toMatchObject({ status: 201, body: { name: "made-1", status: "stopped", params: { word: "hi" } } });
    expect(made.headers.get("location")).toBe("/api/instances/made-1");
    const found = await ask("GET instances/made-1");
    expect(found).toMatchObject({ status: 200, body: made.body });
    expect(found.headers.get("cache-control")).toBe("no-cache");
    expect(await ask("GET instances")).toMatchObject({ body: { instances: expect.arrayContaining([made.body]) } });
  });

  test("every command is taken on, and its delta reaches a WebSocket client within a second", async () => {
    using client = follow("ws", gateway.url, "instances?include_archived=true");
    await client.count(1);
    const within = async (what: string, body: unknown, [status, type]: [number, string]) => {
      const sinceMs = performance.now();
      const known = client.raw.length;
      expect(await ask(what, body), what).toMatchObject({ status });
      const frames = await client.count(known + 1);
      expect(frames[known]?.type, what).toBe(type);
      expect(performance.now() - sinceMs, what).toBeLessThan(1000);
    };
    await within("POST instances", { name: "swift", template: "echo" }, [201, "instance_created"]);
    await within("POST instances/swift/start", undefined, [202, "status_changed"]);
    await within("POST instances/swift/stop", undefined, [202, "status_changed"]);
    await within("POST instances/swift/archive", undefined, [202, "instance_archived"]);
    await within("POST instances/swift/unarchive", undefined, [202, "instance_unarchived"]);
    await within("POST instances/swift/restart", undefined, [202, "status_changed"]);
    await within("POST instances/swift/clone", { as: "swift-2", params: { word: "bye" } }, [201, "instance_created"]);
    await within("DELETE instances/swift", undefined, [204, "instance_deleted"]);
  });

  test("the list tells at once what was done, beside live connections that see the same", async () => {
    using client = follow("sse", gateway.url, "instances");
    await client.count(1);
    await make("seen");
    await ask("POST instances/seen/start");
    const listed = (await ask("GET instances")).body as { instances: Record<string, unknown>[] };
    expect(listed.instances.find(({ name }) => name === "seen")).toMatchObject({ status: "running", pid: 4711 });
    await client.until((frames) => frames.some(({ name, status }) => name === "seen" && status === "running"));
    await ask("DELETE instances/seen");
    const after = (await ask("GET instances")).body as { instances: Record<string, unknown>[] };
    expect(after.instances.map(({ name }) => name)).not.toContain("seen");
  });

  test("a list that has not changed is answered with 304, to whichever tag names it", async () => {
    await make("tagged");
    const { headers } = await ask("GET instances");
    const etag = headers.get("etag") ?? "";
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await ask("GET instances", undefined, { "If-None-Match": tag });
      expect(again, tag).toMatchObject({ status: 304, body: undefined });
      expect(again.headers.get("etag")).toBe(etag);
    }
    await ask("POST instances/tagged/start");
    expect(await ask("GET instances", undefined, { "If-None-Match": etag })).toMatchObject({ status: 200 });
  });

  test("archived instances are listed for those who ask for them", async () => {
    await make("old");
    await ask("POST instances/old/archive");
    const names = async (what: string) =>
      ((await ask(what)).body as { instances: { name: string }[] }).instances.map(({ name }) => name);
    expect(await names("GET instances")).not.toContain("old");
    expect(await names("GET instances?include_archived=true")).toContain("old");
    expect(await ask("GET instances?include_archived=maybe")).toMatchObject({
      status: 400,
      body: { code: "bad_query" },
    });
    expect(await ask("GET instances?archived=true")).toMatchObject({ status: 400, body: { code: "bad_query" } });
  });

  test.each([
    ["a/b", '"/"'],
    ["a.b", '"."'],
    ["..", '"."'],
    ["a*", '"*"'],
    [">", '">"'],
    ["a b", '" "'],
    ["a\nb", '"\\n"'],
    ["größe", '"ö"'],
    ["😀", '"😀"'],
    ["", "empty"],
    ["-a", 'begin with "-"'],
    ["_a", 'begin with "_"'],
    ["a".repeat(65), "longer than 64"],
  ])("no instance is called %j, and the answer names what is wrong", async (name, fault) => {
    const refused = await make(name);
    expect(refused).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(message(refused)).toContain('"name"');
    expect(message(refused)).toContain(fault);
    await make("original");
    const copied = await ask("POST instances/original/clone", { as: name });
    expect(copied).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(message(copied)).toContain('"as"');
  });

  test("names of one and of 64 characters are names", async () => {
    for (const name of ["A", "0", `a${"_-9Z".repeat(16)}`.slice(0, 64)]) {
      expect(await make(name), name).toMatchObject({ status: 201, body: { name } });
    }
  });

  test.each([
    ["not json", "{", "JSON"],
    ["an array", "[]", "The body must be a JSON object"],
    ["a name that is a number", { name: 5, template: "echo" }, '"name"'],
    ["no template", { name: "x" }, '"template"'],
    ["a parameter that is a number", { name: "x", template: "echo", params: { word: 5 } }, '"params.word"'],
    ["a field that nobody knows", { name: "x", template: "echo", colour: "red" }, '"colour"'],
    ["an empty node", { name: "x", template: "echo", node: "" }, '"node"'],
  ])("a body with %s is refused, and the answer names the field", async (_what, body, named) => {
    const refused = await ask("POST instances", body);
    expect(refused).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(message(refused)).toContain(named);
  });

  test("nothing can be done with an instance that is not there", async () => {
    const missing = { status: 404, body: { code: "instance_not_found", message: "No instance named 'nobody'" } };
    expect(await ask("GET instances/nobody")).toMatchObject(missing);
    for (const command of ["start", "stop", "restart", "archive", "unarchive"]) {
      expect(await ask(`POST instances/nobody/${command}`), command).toMatchObject(missing);
    }
    expect(await ask("POST instances/nobody/clone", { as: "other" })).toMatchObject(missing);
    expect(await ask("DELETE instances/nobody")).toMatchObject(missing);
    expect(await ask("DELETE instances/nobody?force=true")).toMatchObject(missing);
    expect(await ask("POST instances/nobody/explode")).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test("what the node refuses is refused with its words", async () => {
    await make("twice");
    await ask("POST instances/twice/start");
    expect(await ask("POST instances/twice/start")).toMatchObject({
      status: 409,
      body: { code: "conflict", message: "'twice' is running" },
    });
  });

  test("a name is given once", async () => {
    await make("taken");
    const refused = {
      status: 409,
      body: { code: "conflict", message: "'taken' already exists on node 'near'; choose another name" },
    };
    expect(await make("taken")).toMatchObject(refused);
    expect(await ask("POST instances/taken/clone", { as: "taken" })).toMatchObject({ status: 409 });
  });

  test("of two who make an instance at once, one does", async () => {
    const answers = await Promise.all([make("raced"), make("raced")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test("a command that comes again under its key is carried out once and answered as before", async () => {
    const key = { "Idempotency-Key": "k1" };
    const first = await ask("POST instances", { name: "keyed", template: "echo" }, key);
    const second = await ask("POST instances", { name: "keyed", template: "echo" }, key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    for (const what of ["POST instances/keyed/start", "POST instances/keyed/stop", "DELETE instances/keyed"]) {
      const answers = [await ask(what, undefined, key), await ask(what, undefined, key)];
      expect(answers[1], what).toMatchObject({ status: answers[0]?.status, body: answers[0]?.body });
    }
    const done = node.done.filter((what) => what.endsWith(" keyed"));
    expect(done).toEqual(["create keyed", "start keyed", "stop keyed", "delete keyed"]);
    expect(await ask("POST instances/keyed/start", undefined, { "Idempotency-Key": "k".repeat(257) })).toMatchObject({
      status: 400,
      body: { code: "bad_request" },
    });
  });

  test("what another service has published is shown and cannot be commanded", async () => {
    await gateway.publish("instances/other.service", { status: "running", port: 18_801, region: "eu" });
    const row = { name: "other.service", status: "running", port: 18_801, pid: null, archived_at: null, region: "eu" };
    expect(await ask("GET instances/other.service")).toMatchObject({ status: 200, body: row });
    await vi.waitFor(async () => {
      expect(await ask("GET instances")).toMatchObject({ body: { instances: expect.arrayContaining([row]) } });
    });
    const refused = { status: 409, body: { message: expect.stringContaining("is not run by Skein") } };
    expect(await ask("POST instances/other.service/stop")).toMatchObject(refused);
    expect(await ask("DELETE instances/other.service?force=true")).toMatchObject(refused);
  });

  test("a page of another origin can command nothing", async () => {
    await make("guarded");
    const origin = { Origin: "https://elsewhere.example" };
    const refused = { status: 403, body: { code: "forbidden_origin" } };
    expect(await ask("POST instances", { name: "x", template: "echo" }, origin)).toMatchObject(refused);
    expect(await ask("POST instances/guarded/start", undefined, origin)).toMatchObject(refused);
    expect(await ask("POST instances/guarded/clone", { as: "x" }, origin)).toMatchObject(refused);
    expect(await ask("DELETE instances/guarded", undefined, origin)).toMatchObject(refused);
    expect(await ask("POST instances/guarded/start", undefined, { Origin: gateway.url })).toMatchObject({
      status: 202,
    });
  });

  test("a body that is too large is refused", async () => {
    const params = { word: "x".repeat(256 * 1024) };
    expect(await ask("POST instances", { name: "fat", template: "echo", params })).toMatchObject({
      status: 413,
      body: { code: "body_too_large" },
    });
  });

  test("a body may come in chunks", async () => {
    const pieces = ['{"name":"chunked",', '"template":"echo"}'].map((text) => new TextEncoder().encode(text));
    const init = { method: "POST", body: ReadableStream.from(pieces), duplex: "half" } as const;
    expect((await fetch(`${gateway.url}/api/instances`, init)).status).toBe(201);
  });

  test("templates are listed with their nodes, and nodes with when they were heard", async () => {
    expect(await ask("GET templates")).toMatchObject({ body: { templates: [{ ...echo, nodes: ["near"] }] } });
    const { body } = await ask("GET nodes");
    expect(body).toEqual({ nodes: [{ node: "near", seen_at: expect.stringMatching(/^\d{4}-.*Z$/), is_away: false }] });
  });

  test("a template that no node has, and a node that is not there, are named", async () => {
    const noTemplate = await ask("POST instances", { name: "x", template: "nope" });
    expect(noTemplate).toMatchObject({ status: 404, body: { code: "unknown_template" } });
    expect(message(noTemplate)).toBe("No node has a template 'nope'; known are echo");
    const noNode = await ask("POST instances", { name: "x", template: "echo", node: "far" });
    expect(noNode).toMatchObject({ status: 503, body: { code: "node_away" } });
    expect(message(noNode)).toContain("'far'");
  });
});

function message({ body }: Answer): string {
  return (body as { message: string }).message;
}
