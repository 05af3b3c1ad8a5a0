import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { main, skein, startSkein } from "../support/process.ts";
import { type Production, startProduction } from "./producing.ts";

let production: Production;
beforeAll(async () => {
  production = await startProduction();
});
afterAll(() => production[Symbol.asyncDispose]());

const own = `${process.execPath} ${main}`;

/** Every event of a run that is over. */
async function eventsOf(run: string) {
  const client = follow("ws", production.gateway.url, `runs/${run}`, await production.gateway.token());
  await client.ended;
  return client.frames.slice(1);
}

describe("skein run", () => {
  test("makes a run of a pipeline, and a task of each skein exec in it", async () => {
    using graph = await production.graph("shop");
    const script = `${own} exec -- sh -c 'echo one'; ${own} exec --tool second -- sh -c 'exit 3'; echo three`;
    const ran = await production.said(["run", "--crew", "shop", "--run", "r7", "--", "sh", "-c", script]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe("one\nthree\n");
    expect(ran.stderr).toBe(`skein: run r7 of crew shop: ${production.gateway.url}/sse/runs/r7\n`);
    const events = await eventsOf("r7");
    expect(events).toMatchObject([
      { type: "boot", run_id: "r7", crew_id: "shop", name: "sh" },
      { type: "task_start", name: "sh", agent_id: "tester", task_id: expect.any(String) },
      { type: "task_end", name: "sh", status: "success", exit_code: 0, task_id: events[1]?.task_id },
      { type: "task_start", name: "second" },
      { type: "task_end", name: "second", status: "error", exit_code: 3 },
      { type: "done", status: "success", exit_code: 0, duration_s: expect.any(Number) },
    ]);
    const frames = await graph.until((seen) => seen.filter(({ type }) => type === "tool_end").length === 2);
    expect(frames.slice(1).map(({ run_id }) => run_id)).toEqual(["r7", "r7", "r7", "r7"]);
  });

  test("tells of an error when the pipeline fails, and ends as it does", async () => {
    const args = ["run", "--crew", "shop", "--run", "r8", "--name", "nightly", "--", "sh", "-c", "exit 5"];
    expect((await production.said(args)).code).toBe(5);
    expect(await eventsOf("r8")).toMatchObject([
      { type: "boot", name: "nightly" },
      { type: "error", message: "The pipeline ended with exit code 5" },
      { type: "done", status: "error", exit_code: 5 },
    ]);
  });

  test("gives a run a name of its own when it has none, and a run within it knows the one around it", async () => {
    const inner = `${own} run --crew inner --run r10 -- ${own} exec -- true`;
    const { stderr } = await production.said(["run", "--crew", "outer", "--", "sh", "-c", inner]);
    const outer = /run (\d{8}-\d{6}-[0-9a-f]{6}) of crew outer/.exec(stderr)?.[1] ?? "";
    expect((await eventsOf("r10")).map(({ type }) => type)).toEqual(["boot", "task_start", "task_end", "done"]);
    expect((await eventsOf("r10"))[0]).toMatchObject({ crew_id: "inner", parent_run_id: outer });
    expect((await eventsOf(outer)).map(({ type }) => type)).toEqual(["boot", "done"]);
  });

  test("passes on a signal, and the run is over all the same", async () => {
    await using run = production.start([
      "run",
      "--crew",
      "shop",
      "--run",
      "r11",
      "--",
      "sh",
      "-c",
      "echo up; exec sleep 60",
    ]);
    await run.until(({ stdout }) => stdout.includes("up"));
    run.signal("SIGTERM");
    expect(await run.exit).toEqual({ code: 143, signal: null });
    expect((await eventsOf("r11")).slice(1)).toMatchObject([
      { type: "error", message: "The pipeline was ended by SIGTERM" },
      { type: "done", status: "error", exit_code: 143 },
    ]);
  });

  test("a skein exec of another run in it is no task of this one", async () => {
    const script = `${own} exec --run r13 -- true`;
    await production.said(["run", "--crew", "shop", "--run", "r12", "--", "sh", "-c", script]);
    expect((await eventsOf("r12")).map(({ type }) => type)).toEqual(["boot", "done"]);
  });
});

describe("With --via", () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNatsServer();
  });
  afterAll(() => nats.stop());

  test("NATS is told, also by what runs within", async () => {
    await using gateway = await startSkein(["--nats", nats.url]);
    const args = ["run", "--crew", "shop", "--run", "r1", "--via", nats.url, "--url", gateway.url];
    const { code, stderr } = await skein([...args, "--", "sh", "-c", `${own} exec -- true`]);
    expect([code, stderr]).toEqual([0, `skein: run r1 of crew shop: ${gateway.url}/sse/runs/r1\n`]);
    using client = follow("sse", gateway.url, "runs/r1");
    const frames = await client.until((seen) => seen.some(({ type }) => type === "done"));
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "task_start", "task_end", "done"]);
  });
});
