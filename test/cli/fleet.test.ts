import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inbox } from "../../src/cli/inbox.ts";
import { clone, create, move, remove, shelve } from "../../src/cli/instances.ts";
import { ps } from "../../src/cli/ps.ts";
import { send } from "../../src/cli/send.ts";
import { templates as listTemplates } from "../../src/cli/templates.ts";
import { type FleetGateway, startFleet, templates } from "../support/fleet.ts";
import { main, Run, skein } from "../support/process.ts";
import { misread, refusal } from "./in-process.ts";
import { onTerminal, terminalEnv } from "./terminal.ts";

let gateway: FleetGateway;
beforeAll(async () => {
  gateway = await startFleet(templates);
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Runs a command at the gateway, `said("new sleeper a")`. */
const said = (line: string, input?: string) =>
  skein(line.split(" "), { env: { SKEIN_URL: gateway.url }, ...(input !== undefined && { input }) });

const good = (stdout: string | RegExp) => ({ code: 0, stdout: expect.stringMatching(stdout), stderr: "" });
const bad = (stderr: string) => ({ code: 1, stderr: `skein: ${stderr}\n` });

/** Asks the gateway over HTTP for what a test needs to be there. */
async function ask(path: string, body: object = {}): Promise<void> {
  const headers = { "content-type": "application/json" };
  const { ok, status } = await fetch(`${gateway.url}/api/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  if (!ok) throw new Error(`${path}: ${status}`);
}

const make = (template: string, name: string, params: object = {}) => ask("instances", { template, name, params });

describe("An instance", () => {
  test("is made, started, restarted, stopped and deleted, and there already counts as there", async () => {
    expect(await said("new sleeper life")).toMatchObject(good(/^life stopped \(port 189\d\d\)\n$/));
    expect(await said("up life")).toMatchObject(good(/^life starting .*\nlife running \(port \d+, pid \d+\)\n$/));
    expect(await said("up life")).toMatchObject(good(/^life running/));
    expect(await said("restart life")).toMatchObject(
      good(/^life stopping .*\n(?:.*\n)*life running \(port \d+, pid \d+\)\n$/),
    );
    expect(await said("down life")).toMatchObject(good(/^life stopping .*\nlife stopped \(port \d+\)\n$/));
    expect(await said("down life")).toMatchObject(good(/^life stopped/));
    expect(await said("rm life")).toMatchObject(good("life deleted\n"));
    const gone = move("up", ["life"], { gateway, wait: true });
    expect(await refusal(gone)).toBe("No instance named 'life'; skein ps -a shows all there are");
  });

  test("is archived, hidden, shown with -a, and taken back", async () => {
    await make("sleeper", "old");
    expect(await said("archive old")).toMatchObject(good(/^old archived/));
    expect((await said("ps --names")).stdout.split("\n")).not.toContain("old");
    expect((await said("ps -a")).stdout).toMatch(/^old +archived/m);
    const start = move("up", ["old"], { gateway, wait: true });
    expect(await refusal(start)).toBe("old is archived; unarchive it first");
    expect(await said("unarchive old")).toMatchObject(good(/^old stopped/));
  });

  test("is cloned with its parameters but for those that are given", async () => {
    await said("new needy first -p seconds=111");
    expect(await said("clone first second")).toMatchObject({ code: 0 });
    expect(await said("clone first third -p seconds=99")).toMatchObject({ code: 0 });
    const list: { name: string; params?: object }[] = JSON.parse((await said("ps --json")).stdout);
    const params = Object.fromEntries(list.map((one) => [one.name, one.params]));
    expect(params).toMatchObject({ second: { seconds: "111" }, third: { seconds: "99" } });
  });

  test("that runs is deleted with -f only, which stops it first", async () => {
    await said("new sleeper busy --up");
    expect(await refusal(remove(["busy"], { gateway }))).toBe("busy is running; stop it first, or add -f");
    expect(await said("rm -f busy")).toMatchObject(good(/busy stopped .*\nbusy deleted\n$/));
  });

  test("that ends instead of running fails its start, with why and where to look", async () => {
    await make("broken", "sad");
    const why = "sad has failed: its program ended with exit code 7; skein logs sad shows what it said";
    expect(await said("up sad")).toMatchObject(bad(why));
    await using logs = new Run(["logs", "sad", "-f", "--url", gateway.url]);
    await logs.until(({ stdout }) => stdout === "no luck\n");
  });

  test("that takes long is not waited for with --no-wait", async () => {
    await make("slow", "late");
    expect(await said("up late --no-wait")).toMatchObject(good(/^late starting/));
    const again = move("restart", ["late"], { gateway, wait: true });
    expect(await refusal(again)).toBe("late is starting; wait until it runs, or stop it");
    expect(await said("down late")).toMatchObject({ code: 0 });
  });

  test("that another service publishes is shown, and not commanded", async () => {
    await gateway.publish("instances/foreign", { status: "running", pid: 4711 });
    expect((await said("ps")).stdout).toMatch(/^foreign +running +– +4711 +– +– +– +–$/m);
    const why = "Instance 'foreign' is not run by Skein: only who publishes its record can change it";
    expect(await refusal(move("down", ["foreign"], { gateway, wait: true }))).toBe(why);
    expect(await refusal(move("up", ["foreign"], { gateway, wait: true }))).toBe(why);
    expect(await refusal(remove(["foreign"], { gateway }))).toBe(why);
    expect(await refusal(remove(["foreign"], { gateway, force: true }))).toBe(why);
  });
});

describe("What cannot be done is told in a sentence:", () => {
  test("several instances, one of them unknown: the others get there", async () => {
    await make("sleeper", "here");
    const { code, stdout, stderr } = await said("up here nobody");
    expect(stdout).toContain("here running");
    expect(stderr).toBe("skein: No instance named 'nobody'; skein ps -a shows all there are\n");
    expect(code).toBe(1);
  });

  test("no payload at all", async () => {
    const why = "There is no payload: give JSON as the last argument or on standard input";
    expect(await said("send --from a --to b --type t")).toMatchObject(bad(why));
  });

  const letter = { from: "a", to: "b", type: "t" };
  test.each<[string, () => Promise<void>, string]>([
    ["no name", () => move("up", [], { gateway, wait: true }), "Say which instances, or --all; skein ps shows them"],
    [
      "a template that nobody has",
      () => create("nothing", "x", { gateway }),
      "No node has a template 'nothing'; known are broken, needy, sleeper, slow",
    ],
    [
      "a parameter that is unknown",
      () => create("sleeper", "x", { gateway, param: { size: "1" } }),
      'There is no parameter "size" in this template; there are seconds',
    ],
    ["a parameter that is missing", () => create("needy", "x", { gateway }), 'Parameter "seconds" is missing'],
    [
      "a parameter that is wrong",
      () => create("sleeper", "x", { gateway, param: { seconds: "long" } }),
      'Parameter "seconds" must match [0-9]+',
    ],
    [
      "a node that is away",
      () => create("sleeper", "x", { gateway, node: "elsewhere" }),
      "Node 'elsewhere' is away; nothing was done",
    ],
    [
      "an instance that is unknown",
      () => shelve("archive", ["nobody"], { gateway }),
      "No instance named 'nobody'; skein ps -a shows all there are",
    ],
    [
      "a payload that is no JSON",
      () => send("{", { ...letter, gateway }),
      `The payload is not JSON; a text needs quotation marks of its own: '"hello"'`,
    ],
  ])("%s", async (_what, run, sentence) => {
    expect(await refusal(run())).toBe(sentence);
  });

  test.each([
    ["new sleeper x -p seconds", "It must be a name and a value with = between, like greeting=hello."],
    ["completion tcsh", "Allowed choices are bash, zsh, fish."],
    ["send --to b --type t 1", "required option '--from <agent>' not specified"],
    ["rm", "missing required argument 'name'"],
  ])("skein %s, which adds where help is", async (line, sentence) => {
    const told = await misread(...line.split(" "));
    expect(told).toContain(sentence);
    expect(told).toContain("--help");
  });

  test("no gateway, whatever is asked of it", async () => {
    const url = "http://127.0.0.1:1";
    const away = { gateway: { url } };
    const told = /^No gateway answers at http:\/\/127.0.0.1:1 \(.*\); start one with: skein start$/;
    const running = [
      ps(away),
      listTemplates(away),
      move("up", ["a"], { ...away, wait: true }),
      shelve("archive", ["a"], away),
      remove(["a"], { ...away, force: true }),
      create("a", "b", away),
      clone("a", "b", away),
      inbox("a", away),
    ];
    for (const sentence of await Promise.all(running.map(refusal))) expect(sentence).toMatch(told);
    const { code, stderr } = await skein(["ps", "--url", url]);
    expect(stderr).toMatch(/^skein: No gateway answers at \S+ \(.*\); start one with: skein start\n$/);
    expect(code).toBe(1);
  });
});

describe("skein ps", () => {
  test("is a table without colours for a pipe, and keeps control characters of names to itself", async () => {
    await gateway.publish("instances/bell%07%1B", { status: "\u001b[2J" });
    const { stdout } = await said("ps");
    const [titles, ...rows] = stdout.trimEnd().split("\n");
    expect(titles).toMatch(/^NAME +STATUS +PORT +PID +NODE +TEMPLATE +RESTARTS +AGE$/);
    expect(rows.find((row) => row.startsWith("bell"))).toMatch(/^bell�� +�\[2J/);
    await gateway.publish("instances/bell%07%1B", undefined);
  });

  test("fits a terminal, has colours there, and with NO_COLOR none", async () => {
    await gateway.publish(`instances/${"long".repeat(20)}`, { status: "running" });
    for (const [settings, colour] of [
      ["", "\u001b[32mrunning"],
      ["NO_COLOR=1", "running"],
    ] as const) {
      const shown = onTerminal(`${settings} node ${main} ps --url ${gateway.url}`);
      expect(shown).toContain(colour);
      expect(shown.includes("\u001b[")).toBe(settings === "");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are no characters of a line
      for (const line of shown.replaceAll(/\u001b\[\d+m/g, "").split("\r\n")) expect(line.length).toBeLessThan(71);
    }
    await gateway.publish(`instances/${"long".repeat(20)}`, undefined);
  });

  test("follows with -w: a line for each change", async () => {
    await make("sleeper", "seen");
    await using watch = new Run(["ps", "-w", "--url", gateway.url]);
    await watch.until(({ lines }) => lines.some((line) => line.startsWith("seen  stopped")));
    await ask("instances/seen/start");
    await watch.until(({ lines }) => lines.some((line) => /^seen {2}running {2}port \d+ {2}pid \d+$/.test(line)));
    await said("rm -f seen");
    await watch.until(({ lines }) => lines.includes("seen  gone"));
  });

  test("redraws the table with -w on a terminal", async () => {
    const line = `exec node ${main} ps -w --url ${gateway.url}`;
    const terminal = spawn("script", ["-qefc", line, "/dev/null"], { env: terminalEnv });
    let shown = "";
    while (shown.split(clearScreen).length < 3) shown += String((await once(terminal.stdout, "data"))[0]);
    terminal.kill();
    expect(shown.startsWith(clearScreen)).toBe(true);
    expect(shown).toContain("NAME");
  });

  test("prints frames with -w --json", async () => {
    await using watch = new Run(["ps", "-w", "--json", "--url", gateway.url]);
    await watch.until(({ lines }) => lines.length > 0);
    expect(JSON.parse(watch.lines[0] ?? "")).toMatchObject({ type: "snapshot", include_archived: false });
  });
});

const clearScreen = "\u001b[H\u001b[2J";

test("skein templates shows parameters and nodes, and the same as JSON", async () => {
  const { stdout } = await said("templates");
  expect(stdout).toMatch(/^sleeper +here +seconds=200 +Sleeps$/m);
  expect(stdout).toMatch(/^needy +here +seconds +–$/m);
  const list: { name: string }[] = JSON.parse((await said("templates --json")).stdout);
  expect(list.map(({ name }) => name)).toEqual(["broken", "needy", "sleeper", "slow"]);
});

describe("A message", () => {
  test("is sent from an argument or standard input, and received once it is acknowledged", async () => {
    const first = await said('send --from ann --to ben --type task --correlation c1 {"n":12345678901234567890}');
    expect(first).toMatchObject(good(/^\S+\n$/));
    const second = await said("send --from ann --to ben --type note --json", '"hello"');
    expect(JSON.parse(second.stdout)).toMatchObject({ from: "ann", to: "ben", message_type: "note", status: "sent" });
    const { stdout } = await said("inbox ben --json --ack");
    const [task, note] = stdout.split("\n");
    expect(task).toContain('"payload":{"n":12345678901234567890}');
    expect(JSON.parse(task ?? "")).toMatchObject({ message_id: first.stdout.trim(), correlation_id: "c1" });
    expect(JSON.parse(note ?? "")).toMatchObject({ payload: "hello" });
    expect(await said("inbox ben")).toMatchObject({ code: 0, stdout: "" });
    for (const id of [first.stdout.trim(), JSON.parse(second.stdout).message_id]) {
      const answer = await fetch(`${gateway.url}/api/messages/${id}`);
      expect(await answer.json()).toMatchObject({ status: "acknowledged", attempts: 1 });
    }
  });

  test("comes to an inbox that is followed", async () => {
    await using inbox = new Run(["inbox", "cleo", "-f", "--ack", "--url", gateway.url]);
    const { stdout: id } = await said("send --from ann --to cleo --type greeting", '{"text":"hi"}');
    await inbox.until(({ lines }) => lines.length === 2);
    expect(inbox.stdout).toBe(`greeting from ann ${id.trim()}\n  {"text":"hi"}\n`);
  });
});
