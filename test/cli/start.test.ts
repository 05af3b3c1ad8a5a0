import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Flags } from "../../src/cli/knob-flags.ts";
import { settings } from "../../src/cli/settings.ts";
import { start } from "../../src/cli/start.ts";
import { follow, transports } from "../support/client.ts";
import { makeFolder, Run, type Started, skein, startSkein } from "../support/process.ts";
import { misread } from "./in-process.ts";

/** The line of the banner that begins with a word, without that word. */
function pasteable({ run }: Started, word: string): string {
  const line = run.lines.find((text) => text.trim().startsWith(word)) ?? "";
  return line.trim().slice(word.length).trim();
}

describe("The banner's line", () => {
  let gateway: Started;
  beforeAll(async () => {
    gateway = await startSkein();
  });
  afterAll(() => gateway.run.kill());

  test("to follow shows the first frame in a shell at once", async () => {
    const line = pasteable(gateway, "Follow");
    expect(line).toBe(`curl -N ${gateway.url}/sse/instances`);
    const curl = spawn("/bin/sh", ["-c", `exec ${line}`], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    while (!text.includes("snapshot")) text += String((await once(curl.stdout, "data"))[0]);
    curl.kill();
    expect(text).toContain('data: {"type":"snapshot"');
  });

  test("to publish does so in a shell, and the line to follow shows it", async () => {
    using client = follow("sse", gateway.url, "instances");
    await client.count(1);
    await promisify(execFile)("/bin/sh", ["-c", pasteable(gateway, "Publish")]);
    const frames = await client.count(2);
    expect(frames[1]).toMatchObject({ type: "instance_created", name: "agent-1", status: "running" });
  });

  test("to open is the address of a page", async () => {
    const response = await fetch(pasteable(gateway, "Open"));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await response.text()).toContain("Skein");
  });
});

test("A flag beats the environment, which beats the file", async () => {
  using folder = makeFolder();
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const file = join(folder.path, "skein.config.json");
  writeFileSync(file, JSON.stringify({ port: ports[0], data: ":memory:" }));
  const cwd = folder.path;
  const env = { SKEIN_PORT: String(ports[1]) };
  for (const [args, port] of [
    [[], ports[1]],
    [["--port", String(ports[2])], ports[2]],
  ] as const) {
    await using run = new Run(["start", ...args], { cwd, env });
    await run.until(({ stdout }) => stdout.includes("Open"));
    expect(run.stdout).toContain(`Skein is at http://127.0.0.1:${port}, bus embedded, in memory`);
  }
});

describe("What cannot be started is told in a sentence:", () => {
  test.each([
    ["a host beyond loopback", { host: "0.0.0.0" }, /0\.0\.0\.0.*--open-to-network/],
    [
      "a host that only begins like this machine",
      { host: "localhost.evil.com" },
      /localhost\.evil\.com.*--open-to-network/,
    ],
    ["an address that is not ours", { host: "127.0.0.1.example" }, /127\.0\.0\.1\.example/],
    ["a configuration file that is not there", { config: "nowhere.json" }, /no file nowhere\.json/],
    ["a public key that is none", { jwtPublicKey: "/dev/null" }, /jwtPublicKey \/dev\/null: That is no public key/],
    ["keys from an address that is not safe", { jwksUrl: "http://example.com/k" }, /jwksUrl: .*https/],
  ])("%s", async (_what, flags: Flags, sentence) => {
    const starting = settings({ port: "0", data: ":memory:", ...flags }).then(({ config }) => start(config, []));
    await expect(starting).rejects.toThrow(sentence);
  });

  test.each([
    ["a port that is no number", ["--port", "many"], 2, /port is "many" \(flag --port\).*0 to 65535/],
    ["a NATS address that is none", ["--nats", "http://ann:s3cret@host"], 2, /nats is "http:\/\/ann:\*\*\*@host"/],
    ["a proxy that is none", ["--trust-proxy", "::/200", "--port", "0"], 1, /::\/200 is neither/],
  ])("%s, and that is all there is to see", async (_what, args, exitCode, sentence) => {
    const { code, stdout, stderr } = await skein(["start", ...args]);
    expect([code, stdout]).toEqual([exitCode, ""]);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at |s3cret|node:internal/m);
  });

  test("an unknown flag", async () => {
    expect(await misread("start", "--prot", "1")).toMatch(/unknown option '--prot'[\s\S]*--port/);
  });

  test("a port in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await skein(["start", "--port", String(port)]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`skein: Port ${port} is in use; choose another with --port, or 0 for any\n`);
  });

  test("a data directory that another gateway uses", async () => {
    using folder = makeFolder();
    await using first = await startSkein(["--data", folder.path]);
    const { code, stderr } = await skein(["start", "--port", "0", "--data", folder.path]);
    expect(code).toBe(1);
    expect(stderr).toContain(folder.path);
    expect(stderr).toMatch(/in use by another process.*Stop that one/);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  });
});

describe("An address may hold twice as many sockets as connections", () => {
  const args = ["--limit-connections", "address=1"];
  const answerTo = async (port: number, sockets: Socket[]) => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return String((await once(socket, "data"))[0]).split("\r\n")[0];
  };

  test.each([
    ["and not one more", [], ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 429 Too Many Requests"]],
    ["but a trusted proxy any number", ["--trust-proxy", "127.0.0.0/8"], Array(3).fill("HTTP/1.1 200 OK")],
  ])("%s", async (_what, more, answers) => {
    await using gateway = await startSkein([...args, ...more]);
    const sockets: Socket[] = [];
    const heard: (string | undefined)[] = [];
    for (const _ of answers) heard.push(await answerTo(gateway.port, sockets));
    for (const socket of sockets) socket.destroy();
    expect(heard).toEqual(answers);
  });
});

test("With --open-to-network true a gateway listens beyond loopback", async () => {
  await using run = new Run(["start", "--port", "0", "--host", "0.0.0.0", "--open-to-network", "true"]);
  await run.until(({ stdout }) => stdout.includes("Open"));
  const port = /is at http:\/\/0\.0\.0\.0:(\d+)/.exec(run.stdout)?.[1];
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test("What was acknowledged before kill -9 is there afterwards, events and rows, and a cursor from before resumes", async () => {
  using folder = makeFolder();
  const args = ["--data", folder.path];
  const before = await killed(args, async (gateway) => {
    for (let n = 1; n <= 5; n++) expect((await gateway.publish("runs/r1", { type: "task_end", n })).status).toBe(201);
    await gateway.publish("instances/a", { status: "running", pid: 7 });
    using client = follow("ws", gateway.url, "runs/r1");
    await client.count(6);
    return client.raw;
  });
  await using gateway = await startSkein(args);
  using table = follow("ws", gateway.url, "instances");
  const [rows] = await table.count(1);
  expect(rows).toMatchObject({ type: "snapshot", instances: [{ name: "a", status: "running", pid: 7 }] });
  const { cursor } = JSON.parse(before[3] ?? "");
  for (const transport of transports) {
    using whole = follow(transport, gateway.url, "runs/r1");
    await whole.count(6);
    expect(whole.raw).toEqual(before);
    using resumed = follow(transport, gateway.url, `runs/r1?since=${cursor}`);
    const frames = await resumed.until((seen) => seen.at(-1)?.n === 5);
    expect(frames.flatMap(({ n }) => n ?? [])).toEqual([4, 5]);
    expect(frames.filter(({ type }) => type === "snapshot")).toEqual([]);
  }
});

test("With --data :memory: everything is forgotten, and a cursor from before gets a fresh snapshot", async () => {
  const args = ["--data", ":memory:"];
  const cursor = await killed(args, async (gateway) => {
    await gateway.publish("instances/a", { status: "running" });
    using client = follow("ws", gateway.url, "instances");
    await client.count(1);
    return client.cursor;
  });
  await using gateway = await startSkein(args);
  using client = follow("ws", gateway.url, `instances?since=${cursor}`);
  const [first] = await client.count(1);
  expect(first).toMatchObject({ type: "snapshot", instances: [], reason: "expired" });
});

/** What happened at a gateway that was then killed with -9. */
async function killed<T>(args: readonly string[], happens: (gateway: Started) => Promise<T>): Promise<T> {
  await using gateway = await startSkein(args);
  const result = await happens(gateway);
  await gateway.run.kill();
  return result;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
