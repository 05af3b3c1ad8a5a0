import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Table } from "../../src/bus/bus.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { instancesTable, managedSubject, publishedSubject } from "../../src/protocol/instance.ts";
import { startedAt } from "../../src/supervisor/proc.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { parseTemplates } from "../../src/supervisor/template.ts";
import { Recorder } from "../bus/recorder.ts";
import { marked, processesOf } from "../supervisor/processes.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { type Client, follow, type Seen } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { rest } from "../support/rest.ts";

const org = "default";
const node = "n1";
const dayMs = 24 * 60 * 60 * 1000;
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const nothing = new Uint8Array(0);

/** What ran `id` on a node once: a row as if the node had been told to start it. */
const attack = {
  status: "starting",
  port: null,
  pid: null,
  archived_at: null,
  node,
  template: "marked",
  params: { word: "$(id)" },
  created_at: "2026-02-20T01:23:45Z",
  exit_code: null,
  restarts: 0,
};

function framesOf(client: Client, name: string): Seen[] {
  return client.frames.filter((frame) => frame.name === name);
}

function shown(frames: readonly Seen[], name: string): Seen | undefined {
  const [first] = frames;
  return ((first?.instances ?? []) as Seen[]).find((row) => row.name === name);
}

describe.each(buses)("Over %s, with a node and two gateways,", (_, openBus) => {
  let opened: TestBus;
  let directory: string;
  let one: Gateway;
  let other: Gateway;
  let table: Table;
  let supervisor: Supervisor;
  let rejected: Recorder;
  let template: ReturnType<typeof marked>;
  const troubles: string[] = [];

  beforeEach(async () => {
    template = marked();
    opened = await openBus();
    const { bus } = opened;
    directory = await mkdtemp(join(tmpdir(), "skein-trust-"));
    one = await startGateway({ bus });
    other = await startGateway({ bus });
    table = await bus.table(instancesTable);
    const journal = await bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: dayMs });
    rejected = new Recorder();
    journal.follow(rejected);
    await rejected.until(({ levels }) => levels > 0);
    troubles.length = 0;
    supervisor = new Supervisor({
      ...{ bus, org, node, clock: systemClock, directory: join(directory, "supervisor") },
      templates: parseTemplates({ marked: template }),
      environment: { PATH: process.env.PATH },
      report: (trouble) => troubles.push(trouble),
    });
    await supervisor.start();
  });

  afterEach(async () => {
    for (const name of ["a", "witness"]) await ask(`POST instances/${name}/stop`);
    await vi.waitFor(() => expect(processesOf(template)).toEqual([]), 5000);
    await supervisor.close();
    await one.close();
    await other.close();
    await opened[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  const ask = (what: string, body?: unknown) => rest(one.url, what, body);

  /** Starts an instance, and gives its pid and the stream in which that was seen. */
  async function run(name: string): Promise<{ pid: number; client: Client }> {
    const client = follow("ws", one.url, "instances");
    await client.count(1);
    expect(await ask("POST instances", { name, template: "marked", node })).toMatchObject({ status: 201 });
    expect(await ask(`POST instances/${name}/start`)).toMatchObject({ status: 202 });
    await client.until(() => framesOf(client, name).some(({ status }) => status === "running"));
    const { body } = await ask(`GET instances/${name}`);
    return { pid: (body as { pid: number }).pid, client };
  }

  test("a row that a publisher writes is shown and starts nothing, whatever it says of a node", async () => {
    using client = follow("ws", one.url, "instances");
    await client.count(1);
    expect(await ask("POST publish/instances/x", attack)).toMatchObject({ status: 201 });
    await table.put(publishedSubject(org, "y"), bytes(attack));
    await client.until(() => ["x", "y"].every((name) => framesOf(client, name).length > 0));
    const { pid, client: second } = await run("witness");
    expect(processesOf(template)).toEqual([pid]);
    for (const name of ["x", "y"]) {
      expect(framesOf(client, name)).toEqual([expect.objectContaining({ type: "instance_created", ...attack })]);
      for (const command of ["start", "stop", "restart", "archive", "unarchive"]) {
        expect(await ask(`POST instances/${name}/${command}`)).toMatchObject({
          status: 409,
          body: { code: "conflict", message: expect.stringContaining("is not run by Skein") },
        });
      }
      expect(await ask(`DELETE instances/${name}?force=true`)).toMatchObject({ status: 409 });
      expect(await ask("POST instances", { name, template: "marked" })).toMatchObject({ status: 409 });
    }
    expect(processesOf(template)).toEqual([pid]);
    expect((await ask("GET nodes")).body).toMatchObject({ nodes: [{ node }] });
    expect(troubles).toEqual([]);
    second.close();
  });

  test("what a publisher says under the name of an instance that runs neither shows nor stops it", async () => {
    const { pid, client } = await run("a");
    const before = [...client.raw];
    const refused = { status: 409, body: { code: "owned_by_node" } };
    for (const body of [attack, { status: "stopped" }, { status: "running", pid: 1 }]) {
      expect(await ask("POST publish/instances/a", body)).toMatchObject(refused);
    }
    expect(await ask("DELETE publish/instances/a")).toMatchObject(refused);
    const subject = publishedSubject(org, "a");
    const puts = [attack, { status: "stopped" }, { status: 5 }].map(bytes);
    const positions: number[] = [];
    for (const body of [...puts, nothing]) {
      positions.push((await table.put(subject, body)).position);
      await rejected.until(({ messages }) => messages.length === positions.length);
    }
    const reports = rejected.messages.map(({ data }) => JSON.parse(new TextDecoder().decode(data)));
    expect(reports).toEqual(positions.map((position) => expect.objectContaining({ subject, position })));
    expect(reports[0].reason).toContain("A node owns the row of that name");
    await ask("POST publish/instances/last", { status: "up" });
    await client.until(() => framesOf(client, "last").length > 0);
    expect(client.raw.slice(before.length)).toHaveLength(1);
    expect(processesOf(template)).toEqual([pid]);
    expect(await ask("GET instances/a")).toMatchObject({ body: { status: "running", pid, node } });
    client.close();
  });

  test("the subject of nodes is unknown to publishers over HTTP", async () => {
    for (const body of [attack, { status: "running" }, ""]) {
      expect(await ask("POST publish/managed/x", body)).toMatchObject({
        status: 404,
        body: { code: "unknown_subject" },
      });
    }
    expect(await table.get(managedSubject(org, "x"))).toBeUndefined();
  });

  test("what a publisher said meanwhile is shown once the node's row is deleted, and a gateway that starts afresh agrees", async () => {
    const { client } = await run("a");
    const since = client.frames.findLast(({ cursor }) => cursor !== undefined)?.cursor as string;
    const mark = client.raw.length;
    await table.put(publishedSubject(org, "a"), bytes({ status: "elsewhere", zone: "b" }));
    await rejected.until(({ messages }) => messages.length === 1);
    await using fresh = await startGateway({ bus: opened.bus });
    using early = follow("ws", fresh.url, "instances");
    expect(shown(await early.count(1), "a")).toMatchObject({ status: "running", node });
    expect(await ask("POST instances/a/stop")).toMatchObject({ status: 202 });
    await client.until(() => framesOf(client, "a").at(-1)?.status === "stopped");
    expect(await ask("DELETE instances/a")).toMatchObject({ status: 204 });
    await client.until(() => framesOf(client, "a").some(({ zone }) => zone === "b"));
    const live = client.raw.slice(mark);
    expect(live.join("\n")).not.toContain("instance_deleted");
    for (const { url } of [other, fresh]) {
      using resumed = follow("ws", url, `instances?since=${since}`);
      const isLast = (frames: readonly Seen[]) => frames.some(({ zone, type }) => zone === "b" || type === "snapshot");
      await resumed.until(isLast);
      // A gateway that was not there has not seen all of it; what it shows is the same.
      if (url === other.url) expect(resumed.raw.slice(1)).toEqual(live);
    }
    await using afresh = await startGateway({ bus: opened.bus });
    for (const { url } of [one, other, fresh, afresh]) {
      using late = follow("ws", url, "instances");
      const row = shown(await late.count(1), "a");
      expect(row).toEqual({ name: "a", status: "elsewhere", zone: "b", port: null, pid: null, archived_at: null });
      expect(await rest(url, "GET instances/a")).toMatchObject({ body: row });
    }
    expect(await ask("POST publish/instances/a", { status: "again" })).toMatchObject({ status: 201 });
    expect(processesOf(template)).toEqual([]);
    client.close();
  });

  test("a body that is no row takes the place of one that was good, where a node's row is shown", async () => {
    const { client } = await run("a");
    const subject = publishedSubject(org, "a");
    await table.put(subject, bytes({ status: "good" }));
    await rejected.until(({ messages }) => messages.length === 1);
    await table.put(subject, bytes({ status: 5 }));
    await rejected.until(({ messages }) => messages.length === 2);
    await ask("POST instances/a/stop");
    await client.until(() => framesOf(client, "a").at(-1)?.status === "stopped");
    await ask("DELETE instances/a");
    await client.until(() => framesOf(client, "a").at(-1)?.type === "instance_deleted");
    expect(await ask("GET instances/a")).toMatchObject({ status: 404 });
    expect(await rest(other.url, "GET instances")).toMatchObject({ body: { instances: [] } });
    client.close();
  });

  test("a row of a node that knows nothing of it is deleted by an operator, with and without force", async () => {
    using client = follow("ws", one.url, "instances");
    await client.count(1);
    for (const [name, query] of [
      ["x", ""],
      ["y", "?force=true"],
    ] as const) {
      await table.put(managedSubject(org, name), bytes({ ...attack, name, status: "running", pid: process.pid }));
      await client.until(() => framesOf(client, name).at(-1)?.status === "unknown");
      expect(framesOf(client, name).at(-1)).toMatchObject({ type: "status_changed", pid: null });
      expect(await ask(`DELETE instances/${name}${query}`)).toMatchObject({ status: 204 });
      await client.until(() => framesOf(client, name).at(-1)?.type === "instance_deleted");
    }
    expect(processesOf(template)).toEqual([]);
    expect(startedAt(process.pid)).toBeDefined();
  });

  test("a row on the subject of nodes that names none can be deleted, and nothing else", async () => {
    await table.put(managedSubject(org, "x"), bytes({ status: "running" }));
    await vi.waitFor(async () => expect(await ask("GET instances/x")).toMatchObject({ status: 200 }));
    expect(await ask("POST instances/x/stop")).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(await ask("DELETE instances/x")).toMatchObject({ status: 204 });
    expect(await table.get(managedSubject(org, "x"))).toBeUndefined();
  });
});
