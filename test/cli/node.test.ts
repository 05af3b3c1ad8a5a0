import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { isAlive, startFleet, templates } from "../support/fleet.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { makeFolder, skein, startSkein } from "../support/process.ts";
import { rest } from "../support/rest.ts";

const { sleeper } = templates;

interface Instance {
  readonly name: string;
  readonly status: string;
  readonly pid: number;
}

/** What a gateway says of an instance. */
async function instanceOf(url: string, name: string): Promise<Instance> {
  const instance: Instance = JSON.parse(await (await fetch(`${url}/api/instances/${name}`)).text());
  return instance;
}

const at = (url: string, line: string) => skein([...line.split(" "), "--url", url]);

describe("A gateway with templates", () => {
  test("makes and starts the instances that they name, once: one that was deleted does not come back", async () => {
    using data = makeFolder();
    const fleet = { sleeper: { ...sleeper, instances: { one: {}, two: { seconds: "150" } } } };
    await using first = await startFleet(fleet, ["--data", data.path]);
    expect(await at(first.url, "up one two")).toMatchObject({ code: 0 });
    expect(await instanceOf(first.url, "two")).toMatchObject({ status: "running", params: { seconds: "150" } });
    await at(first.url, "rm -f two");
    first.run.signal("SIGTERM");
    await first.run.exit;
    await using second = await startFleet(fleet, ["--data", data.path]);
    expect((await at(second.url, "ps --names")).stdout).toBe("one\n");
    await at(second.url, "rm -f one");
  });

  test("leaves them running when it goes, and takes them up when it is back", async () => {
    using data = makeFolder();
    const fleet = { sleeper: { ...sleeper, instances: { stayer: {} } } };
    await using first = await startFleet(fleet, ["--data", data.path]);
    await at(first.url, "up stayer");
    const { pid } = await instanceOf(first.url, "stayer");
    first.run.signal("SIGTERM");
    expect(await first.run.exit).toEqual({ code: 0, signal: null });
    expect(first.run.stderr).toContain("leaving the instances to run");
    expect(isAlive(pid)).toBe(true);
    await using second = await startFleet(fleet, ["--data", data.path]);
    expect(await instanceOf(second.url, "stayer")).toMatchObject({ status: "running", pid });
    await at(second.url, "rm -f stayer");
    expect(isAlive(pid)).toBe(false);
  });

  test("stops them when it goes and keeps nothing, and leaves no directory", async () => {
    const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith("skein-node-"));
    await using gateway = await startFleet({ sleeper: { ...sleeper, instances: { brief: {} } } });
    await at(gateway.url, "up brief");
    const { pid } = await instanceOf(gateway.url, "brief");
    const directory = /logs (\S+)\/logs\/\{name\}\.log/.exec(gateway.run.stdout)?.[1] ?? "";
    expect(temporary().map((name) => join(tmpdir(), name))).toContain(directory);
    gateway.run.signal("SIGTERM");
    expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    expect(temporary().map((name) => join(tmpdir(), name))).not.toContain(directory);
  });

  test("gives its instances its own address and not its settings", async () => {
    const show = { command: "sh", args: ["-c", "env; sleep 100"], instances: { shown: {} } };
    const secret = "s3cret";
    const env = { SKEIN_NODE: "here", SKEIN_REDACT: secret, SKEIN_CONFIG: "overruled.json", MOOD: "good" };
    await using gateway = await startFleet({ show }, [], env);
    await at(gateway.url, "up shown");
    const { stdout } = await at(gateway.url, "logs shown");
    expect(stdout).toContain(`SKEIN_URL=${gateway.url}\n`);
    expect(stdout).toContain("MOOD=good\n");
    expect(stdout).not.toMatch(/SKEIN_(CONFIG|NODE|REDACT)=/);
  });

  test.each([
    ["a field that is none", { sleeper: { ...sleeper, comand: "x" } }, /Template "sleeper".*comand/],
    ["no command", { empty: {} }, /Template "empty", field command/],
    [
      "instances of another shape",
      { a: { ...sleeper, instances: ["x"] } },
      /Template "a", field instances: must be \{/,
    ],
    ["no object", { a: 1 }, /Template "a"/],
  ])("is not started with %s, and says where", async (_what, fleet, sentence) => {
    const args = ["start", "--port", "0", "--data", ":memory:", "--templates", JSON.stringify(fleet)];
    const { code, stderr } = await skein(args);
    expect(stderr).toMatch(/^skein: [^\n]+\n$/);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(1);
  });

  test("says which of the instances that they name cannot be made, and makes the others", async () => {
    const fleet = { sleeper: { ...sleeper, instances: { wrong: { seconds: "many" }, right: {} } } };
    await using gateway = await startFleet(fleet);
    expect(gateway.run.stderr).toBe('skein: Instance wrong was not made: Parameter "seconds" must match [0-9]+\n');
    expect((await at(gateway.url, "ps --names")).stdout).toBe("right\n");
  });
});

test("Instances that templates name are made as soon as the bus is there", async () => {
  const server = await startNatsServer();
  await server.kill();
  const fleet = { sleeper: { ...sleeper, args: ["20"], instances: { patient: {} } } };
  await using gateway = await startFleet(fleet, ["--nats", server.url]);
  await gateway.run.until(({ stderr }) => stderr.includes("NATS does not answer yet"));
  await server.restart();
  using client = follow("sse", gateway.url, "instances");
  await client.until((frames) => frames.some(({ name, status }) => name === "patient" && status === "running"));
  expect(await at(gateway.url, "rm -f patient")).toMatchObject({ code: 0 });
  gateway.run.signal("SIGTERM");
  await gateway.run.exit;
  await server.stop();
});

test("Of a node that is away, instances are unknown, refused and with rm -f forgotten", async () => {
  using data = makeFolder();
  const server = await startNatsServer();
  const own = join(data.path, "own");
  mkdirSync(own);
  const file = join(data.path, "node.json");
  const fleet = { sleeper: { ...sleeper, args: ["20"], instances: { lonely: {} } } };
  writeFileSync(file, JSON.stringify({ nats: server.url, node: "far", data: own, templates: fleet }));
  await using gateway = await startSkein(["--nats", server.url]);
  const far = await startSkein(["--config", file]);
  expect(await at(gateway.url, "up lonely")).toMatchObject({ code: 0 });
  await far.run.kill();
  const sentence = "skein: Node 'far' is away; nothing was done";
  expect(await at(gateway.url, "up lonely")).toMatchObject({ code: 1, stderr: `${sentence}\n` });
  const { stderr } = await at(gateway.url, "rm lonely");
  expect(stderr).toBe(`${sentence}; -f removes its row all the same, until the node is back\n`);
  expect(await at(gateway.url, "rm -f lonely")).toMatchObject({ code: 0, stdout: "lonely deleted\n", stderr: "" });
  expect((await rest(gateway.url, "GET instances")).body).toEqual({ instances: [] });
  await server.stop();
});
