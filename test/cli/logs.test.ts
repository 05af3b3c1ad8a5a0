import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LogDirectory } from "../support/logs.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { Run, type Started, skein, startSkein } from "../support/process.ts";

const red = "\u001b[31mred\u001b[0m";

let files: LogDirectory;
let gateway: Started;
beforeAll(async () => {
  files = new LogDirectory();
  files.append("agent-1", "one", red, "three");
  gateway = await startSkein(["--logs", files.fileOf("{name}")]);
});
afterAll(async () => {
  await gateway.run.kill();
  files[Symbol.dispose]();
});

describe("skein logs", () => {
  const logs = (...args: string[]) => skein(["logs", ...args, "--url", gateway.url]);

  test("prints the newest lines, colours and all, and ends", async () => {
    expect(await logs("agent-1", "-n", "2")).toMatchObject({ code: 0, stdout: `${red}\nthree\n`, stderr: "" });
  });

  test("prints frames with --json, whose cursor --since goes on from", async () => {
    const { stdout } = await logs("agent-1", "--json", "-n", "1");
    const frame = JSON.parse(stdout);
    expect(frame).toMatchObject({ type: "backlog", lines: ["three"], count: 1 });
    files.append("agent-1", "four");
    const answer = await logs("agent-1", "--since", frame.cursor);
    expect(answer.stdout).toBe("four\n");
  });

  test("follows with -f through a rotation, and notes it beside the lines", async () => {
    files.append("agent-2", "begin");
    await gateway.publish("instances/agent-2", { status: "running" });
    await using run = new Run(["logs", "agent-2", "-f", "--url", gateway.url]);
    await run.until(({ lines }) => lines.includes("begin"));
    files.append("agent-2", "end");
    files.rotate("agent-2");
    files.append("agent-2", "new");
    await run.until(({ lines }) => lines.includes("new"));
    expect(run.lines).toEqual(["begin", "end", "new"]);
    expect(run.stderr).toContain("── log rotated (renamed) ──");
  });

  test("says when there is no such instance, and when a number is none", async () => {
    expect(await logs("nobody")).toMatchObject({
      code: 1,
      stderr: "skein: No instance named 'nobody'; skein ps -a shows all there are\n",
    });
    const { code, stderr } = await logs("agent-1", "-n", "1001");
    expect(code).toBe(1);
    expect(stderr).toContain("It must be a whole number from 0 to 1000.");
  });
});

describe("skein start and skein logs-agent", () => {
  test.each([
    ["a pattern without a name", ["start", "--logs", "/var/log/x.log"], 2, "logs is"],
    ["a rule that is no expression", ["start", "--logs", "/tmp/{name}.log", "--redact", "("], 1, '"("'],
    ["an agent without NATS", ["logs-agent", "--logs", "/tmp/{name}.log"], 1, "add --nats"],
  ])("refuse %s with a sentence that says what to do", async (_what, args, exitCode, said) => {
    const { code, stderr } = await skein([
      ...args,
      "--data",
      ":memory:",
      ...(args[0] === "start" ? ["--port", "0"] : []),
    ]);
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^skein: [^\n]+\n$/);
    expect(code).toBe(exitCode);
  });

  test("work over NATS from different processes, also when the agent is killed and comes back", async () => {
    using there = new LogDirectory();
    there.append("far", "here is the first line");
    const server = await startNatsServer();
    const asAgent = ["logs-agent", "--logs", there.fileOf("{name}"), "--nats", server.url];
    const isFollowing = ({ stdout }: Run) => stdout.includes("follows");
    const agent = new Run(asAgent);
    await agent.until(isFollowing);
    const near = await startSkein(["--nats", server.url]);
    await using run = new Run(["logs", "far", "-f", "--url", near.url]);
    await run.until(({ lines }) => lines.length === 1);
    await agent.kill();
    there.append("far", "written while nobody looked");
    there.rotate("far");
    there.append("far", "after the rotation");
    await using again = new Run(asAgent);
    await again.until(isFollowing);
    await run.until(({ lines }) => lines.length === 3);
    expect(run.lines).toEqual(["here is the first line", "written while nobody looked", "after the rotation"]);
    await near.run.kill();
    await server.stop();
  });
});
