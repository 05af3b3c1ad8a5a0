import { join } from "node:path";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { follow, type Seen } from "../support/client.ts";
import { layWire } from "../support/proxy.ts";
import { token } from "../support/tokens.ts";
import { Boxes, read, root } from "./boxes.ts";
import { Kitchen } from "./kitchen.ts";

const boxes = new Boxes("docs/recipes.md");
const setup = boxes.take("", "export SKEIN");

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.enter();
});
afterAll(() => kitchen[Symbol.asyncDispose]());

/** Runs a box to its good end, and gives what it said. */
async function run(box: string): Promise<string> {
  using dish = kitchen.cook(box);
  expect(await dish.done, dish.faults).toBe(0);
  return dish.text;
}

const typeOf = ({ type }: Seen) => type;

describe("The page of recipes", () => {
  test.each(boxes.listings)("shows $file as it is", ({ code, file = "" }) => {
    expect(code).toBe(read(file));
  });

  test("says where a gateway is by default", () => {
    expect(setup).toBe("export SKEIN=http://127.0.0.1:8000\n");
  });
});

test("A log is followed with curl and jq", async () => {
  using log = kitchen.cook(boxes.take("A log", "/logs"));
  await log.count(2);
  kitchen.logs.append("agent-1", "three");
  expect(await log.count(3)).toEqual(["one", "two", "three"]);
});

test("A fleet is followed with curl and jq, and published with curl", async () => {
  using fleet = kitchen.cook(boxes.take("A fleet", "sse/instances"));
  await fleet.count(1);
  await run(boxes.take("A fleet", "api/publish"));
  await fleet.count(3);
  expect(fleet.frames).toEqual([
    { type: "snapshot", instances: [], include_archived: false },
    expect.objectContaining({ type: "instance_created", name: "agent-1", status: "running", port: 18801 }),
    expect.objectContaining({ type: "instance_deleted", name: "agent-1" }),
  ]);
});

describe("A run", () => {
  test("is published over HTTP and on NATS without a library", async () => {
    expect(JSON.parse(await run(boxes.take("A run", "publish.sh runs")))).toMatchObject({ duplicate: false });
    expect(JSON.parse(await run(boxes.take("A run", "nats-publish.sh")))).toMatchObject({
      stream: "SKEIN_RUNS",
      seq: 2,
    });
  });

  test("that cannot be followed ends each program with what the gateway says", async () => {
    for (const program of ["poll.sh", "node events.mjs", "python3 events.py"]) {
      using dish = kitchen.cook(`${program.replace(/(\S+)$/, "examples/recipes/$1")} nope`);
      expect(await dish.done).toBe(1);
      expect(dish.faults).toContain("unknown_stream");
    }
  });

  test("is told at once that its store does not take it, over HTTP and on NATS", async () => {
    using http = kitchen.cook("examples/recipes/publish.sh nowhere/r1 '{}'");
    using nats = kitchen.cook("examples/recipes/nats-publish.sh nowhere '{}'");
    expect(await nats.done).toBe(1);
    expect(nats.faults).toBe("nowhere is not stored\n");
    expect(await http.until(({ text }) => text.includes("unknown_subject"))).toBeDefined();
  });
});

test("Crews are followed with a token by curl, and their tools by Node's WebSocket", async () => {
  using mission = kitchen.cook(boxes.take("Crews and their tools", "sse/mission"));
  using graph = kitchen.cook(boxes.take("Crews and their tools", "socket.mjs"));
  await graph.count(1);
  // What comes before this line is not shown by the box.
  await run(boxes.take("Crews and their tools", "publish/mission"));
  expect(await mission.count(1)).toEqual(['{"status":"busy","crewId":"crew-7"}']);
  const published = await run(boxes.take("Crews and their tools", "nats-publish.sh"));
  expect(published.split("\n")).toHaveLength(4);
  await graph.count(4);
  expect(graph.frames.map(typeOf)).toEqual(["snapshot", "tool_start", "tool_progress", "tool_end"]);
});

test("Tasks are followed by curl, and their swarm by Node and Python", async () => {
  using tasks = kitchen.cook(boxes.take("Tasks", "sse/tasks"));
  using many = kitchen.cook(boxes.take("Many streams", "stream=swarm"));
  using python = kitchen.cook(boxes.take("Python", "follow.py"));
  await Promise.all([tasks.count(3), many.count(3), python.count(2)]);
  await run(boxes.take("Tasks", "api/publish"));
  using swarm = kitchen.cook(boxes.take("A swarm", "socket.mjs"));
  // The box publishes first; what it says of that comes first.
  await swarm.until(({ lines }) => lines.some((line) => line.includes('"snapshot"')));
  await Promise.all([tasks.count(5), many.count(7), python.count(4)]);
  expect(tasks.lines.slice(0, 1)).toEqual(['["connected",null,null]']);
  expect(tasks.lines.slice(3)).toEqual(['["task_update","agent-1",75]', '["execution_step","agent-1",null]']);
  expect(many.lines).toContain('["swarm","agent_status_changed"]');
  expect(many.lines).toContain('["tasks/agent-1","execution_step"]');
  expect(python.frames.map(typeOf)).toEqual(["connected", "snapshot", "agent_status_changed", "task_status_changed"]);
  const last = JSON.parse(swarm.lines.at(-1) ?? "") as Seen;
  expect(last).toMatchObject({ agents: [{ agent_id: "bee-1", status: "busy" }] });
});

// Each waits most of its time.
describe.concurrent("Meanwhile:", () => {
  test("A run is polled to its end by a shell, and followed to its end by fetch and by Python", async () => {
    using poll = kitchen.cook(boxes.take("A run", "poll.sh"));
    using fetched = kitchen.cook(boxes.take("A run", "events.mjs"));
    using python = kitchen.cook(boxes.take("Python", "events.py"));
    const all = [poll, fetched, python];
    for (const dish of all) await dish.count(3);
    await kitchen.open.publish("runs/r1", { type: "done", outcome: "success" });
    for (const dish of all) {
      expect(await dish.done, dish.faults).toBe(0);
      expect(dish.frames.map(typeOf)).toEqual(["snapshot", "boot", "agent_start", "done"]);
      expect(dish.text).toBe(poll.text);
    }
  });

  test("A run is followed without a loss or a repetition when the connection is cut", async () => {
    await using wire = await layWire(kitchen.open.url);
    const lines = ["poll.sh", "node events.mjs", "node socket.mjs", "python3 follow.py"];
    const dishes = lines.map((line) => {
      const program = line.replace(/(\S+)$/, "examples/recipes/$1");
      return kitchen.cook(`${program} runs/cut`, wire);
    });
    for (const dish of dishes) await dish.count(1);
    for (let n = 1; n <= 3; n++) await kitchen.open.publish("runs/cut", { type: "task_end", n });
    for (const dish of dishes) await dish.count(4);
    wire.cut();
    for (let n = 4; n <= 6; n++) await kitchen.open.publish("runs/cut", { type: "task_end", n });
    await kitchen.open.publish("runs/cut", { type: "done", n: 7 });
    for (const [at, dish] of dishes.entries()) {
      expect(await dish.done, `${lines[at]} ${dish.faults}`).toBe(0);
      const numbers = dish.frames.flatMap(({ n }) => (n === undefined ? [] : [n]));
      expect(numbers, lines[at]).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(dish.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
    }
  });

  test("A connection goes on when its token is renewed in a file, over WebSocket and with curl", async () => {
    // It is said a minute before the end.
    const exp = Date.now() / 1000 + 61.5;
    kitchen.put("token.txt", await token({ org: "default", exp }));
    using socket = kitchen.cook(boxes.take("Tokens that end", "socket.mjs"), kitchen.closed);
    using events = kitchen.cook(boxes.take("Tokens that end", "renew.sh"), kitchen.closed);
    await Promise.all([socket.count(1), events.count(1)]);
    kitchen.put("token.txt", await token({ org: "default" }));
    await socket.count(3);
    expect(socket.frames.map(typeOf)).toEqual(["snapshot", "token_expiring", "authenticated"]);
    await events.until(({ faults }) => faults.includes("expires_at"));
    const renewed = JSON.parse(events.faults) as { expires_at: string };
    expect(Date.parse(renewed.expires_at)).toBeGreaterThan((exp + 1000) * 1000);
  });

  test("A page follows a fleet and tasks with the browser's own means, and puts fragments where they belong", async ({
    expect,
  }) => {
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      const shown: Seen[] = [];
      await page.exposeFunction("show", (frame: Seen) => shown.push(frame));
      await page.exposeFunction("token", () => kitchen.token);
      await page.goto(kitchen.open.url);
      await page.evaluate(boxes.take("A fleet", "EventSource"));
      await page.evaluate(`{ ${boxes.take("Tasks", "WebSocket")} }`);
      await expect
        .poll(() => shown.map(typeOf))
        .toEqual(expect.arrayContaining(["snapshot", "subscribed", "task_update"]));
      await page.goto(kitchen.closed.url);
      const opened = ["campaigns", "toasts"].map((name) => page.waitForResponse(`**/sse/live/${name}?*`));
      // It goes on for as long as the page is there.
      await page.evaluate(`${read("examples/recipes/fragments.js")}; "begun"`);
      await Promise.all(opened);
      await run(boxes.take("Pieces of a page", "api/publish"));
      await expect.poll(() => page.locator("body").innerText()).toMatch(/Rockyou[\s\S]*hashes cracked/);
    } finally {
      await browser.close();
    }
  });
});

/** The boxes of TypeScript as files whose types are checked like all others. */
const programs = [
  ["drizzle-orm", "drizzle.program.ts"],
  ["class Agents", "repository.program.ts"],
] as const;

test.each(programs)("The box with %s is the file %s", (word, file) => {
  const entries: Readonly<Record<string, string>> = { drizzle: "on-change-drizzle", repository: "on-change" };
  const code = boxes.take("When a row changes", word);
  const local = code.replaceAll(/"skein\/publisher(?:\/(\w+))?"/g, (_, entry: string | undefined) => {
    return `"../../src/publisher/${entry === undefined ? "index" : entries[entry]}.ts"`;
  });
  expect(sorted(local)).toEqual(sorted(read(`test/recipes/${file}`)));
});

/** The lines of a program, imports in any order. */
function sorted(code: string): string[] {
  const lines = code.trim().split("\n");
  const isImport = (line: string) => line.startsWith("import ");
  return [...lines.filter(isImport).sort(), ...lines.filter((line) => !isImport(line))];
}

test("Rows that change are published", async () => {
  const database = createClient({ url: `file:${join(kitchen.folder.path, "agents.db")}` });
  await database.execute("CREATE TABLE agents (id TEXT PRIMARY KEY NOT NULL, status TEXT NOT NULL)");
  database.close();
  using client = follow("ws", kitchen.open.url, "swarm");
  await client.count(2);
  for (const [, file] of programs) await run(`node ${root}/test/recipes/${file}`);
  const changes = (await client.count(5)).slice(2).map(({ agent_id, status }) => `${agent_id} ${status}`);
  expect(changes).toEqual(["bee-2 idle", "bee-2 busy", "bee-3 busy"]);
});

test("No box is left that no test has run", () => {
  expect(boxes.untaken).toEqual([]);
});
