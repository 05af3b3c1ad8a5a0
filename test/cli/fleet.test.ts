import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program } from "../../src/cli/program.ts";
import { type FleetGateway, startFleet, templates } from "../support/fleet.ts";
import { main, makeFolder, Run, skein } from "../support/process.ts";
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

describe("An instance", () => {
  test("is made, started, restarted, stopped and deleted, and each command says where it is", async () => {
    expect(await said("new sleeper life")).toMatchObject(good(/^life stopped \(port 189\d\d\)\n$/));
    expect(await said("up life")).toMatchObject(good(/^life starting .*\nlife running \(port \d+, pid \d+\)\n$/));
    expect(await said("restart life")).toMatchObject(
      good(/^life stopping .*\n(?:.*\n)*life running \(port \d+, pid \d+\)\n$/),
    );
    expect(await said("down life")).toMatchObject(good(/^life stopping .*\nlife stopped \(port \d+\)\n$/));
    expect(await said("rm life")).toMatchObject(good("life deleted\n"));
    expect(await said("up life")).toMatchObject(bad("No instance named 'life'; skein ps -a shows all there are"));
  });

  test("is archived, hidden, shown with -a, and taken back", async () => {
    await said("new sleeper old");
    expect(await said("archive old")).toMatchObject(good(/^old archived/));
    expect((await said("ps --names")).stdout.split("\n")).not.toContain("old");
    expect((await said("ps -a")).stdout).toMatch(/^old +archived/m);
    expect(await said("up old")).toMatchObject(bad("old is archived; unarchive it first"));
    expect(await said("unarchive old")).toMatchObject(good(/^old stopped/));
    expect((await said("ps")).stdout).toMatch(/^old +stopped/m);
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
    expect(await said("rm busy")).toMatchObject(bad("busy is running; stop it first, or add -f"));
    expect(await said("rm -f busy")).toMatchObject(good(/busy stopped .*\nbusy deleted\n$/));
  });

  test("that is there already counts as there", async () => {
    await said("new sleeper twice --up");
    expect(await said("up twice")).toMatchObject(good(/^twice running/));
    await said("down twice");
    expect(await said("down twice")).toMatchObject(good(/^twice stopped/));
  });

  test("that ends instead of running fails its start, with why and where to look", async () => {
    await said("new broken sad");
    const why = "sad has failed: its program ended with exit code 7; skein logs sad shows what it said";
    expect(await said("up sad")).toMatchObject(bad(why));
    expect(await said("logs sad")).toMatchObject({ stdout: "no luck\n" });
  });

  test("that takes long is not waited for with --no-wait", async () => {
    await said("new slow late");
    expect(await said("up late --no-wait")).toMatchObject(good(/^late starting/));
    expect(await said("restart late")).toMatchObject(bad("late is starting; wait until it runs, or stop it"));
    expect(await said("down late")).toMatchObject({ code: 0 });
  });

  test("that another service publishes is shown, and not commanded", async () => {
    await gateway.publish("instances/foreign", { status: "running", pid: 4711 });
    expect((await said("ps")).stdout).toMatch(/^foreign +running +– +4711 +– +– +– +–$/m);
    const why = "Instance 'foreign' is not run by Skein: only who publishes its record can change it";
    for (const line of ["down foreign", "up foreign", "rm foreign", "rm -f foreign"]) {
      expect(await said(line)).toMatchObject(bad(why));
    }
  });
});

describe("What cannot be done is told in a sentence:", () => {
  test("several instances, one of them unknown: the others get there", async () => {
    await said("new sleeper here");
    const { code, stdout, stderr } = await said("up here nobody");
    expect(stdout).toContain("here running");
    expect(stderr).toBe("skein: No instance named 'nobody'; skein ps -a shows all there are\n");
    expect(code).toBe(1);
  });

  test.each([
    ["up", "Say which instances, or --all; skein ps shows them"],
    ["new nothing x", "No node has a template 'nothing'; known are broken, needy, sleeper, slow"],
    ["new sleeper x -p size=1", 'There is no parameter "size" in this template; there are seconds'],
    ["new needy x", 'Parameter "seconds" is missing'],
    ["new sleeper x -p seconds=long", 'Parameter "seconds" must match [0-9]+'],
    ["new sleeper x --node elsewhere", "Node 'elsewhere' is away; nothing was done"],
    ["archive nobody", "No instance named 'nobody'; skein ps -a shows all there are"],
    ["send --from a --to b --type t {", `The payload is not JSON; a text needs quotation marks of its own: '"hello"'`],
    ["send --from a --to b --type t", "There is no payload: give JSON as the last argument or on standard input"],
  ])("skein %s", async (line, sentence) => {
    expect(await said(line)).toMatchObject(bad(sentence));
  });

  test.each([
    ["new sleeper x -p seconds", "It must be a name and a value with = between, like greeting=hello."],
    ["completion tcsh", "Allowed choices are bash, zsh, fish."],
    ["send --to b --type t 1", "required option '--from <agent>' not specified"],
    ["rm", "missing required argument 'name'"],
  ])("skein %s, which adds where help is", async (line, sentence) => {
    const { code, stderr } = await said(line);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain("--help");
    expect(code).toBe(1);
  });

  test.each(["ps", "templates", "up a", "archive a", "rm -f a", "new a b", "clone a b", "inbox a"])(
    "skein %s, where no gateway is",
    async (line) => {
      const { code, stderr } = await skein([...line.split(" "), "--url", "http://127.0.0.1:1"]);
      expect(stderr).toMatch(
        /^skein: No gateway answers at http:\/\/127.0.0.1:1 \(.*\); start one with: skein start\n$/,
      );
      expect(code).toBe(1);
    },
  );
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
    await said("new sleeper seen");
    await using watch = new Run(["ps", "-w", "--url", gateway.url]);
    await watch.until(({ lines }) => lines.some((line) => line.startsWith("seen  stopped")));
    await said("up seen");
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
    const answer = await fetch(`${gateway.url}/api/messages/${first.stdout.trim()}`);
    expect(await answer.json()).toMatchObject({ status: "acknowledged", attempts: 1 });
  });

  test("comes to an inbox that is followed", async () => {
    await using inbox = new Run(["inbox", "cleo", "-f", "--ack", "--url", gateway.url]);
    const { stdout: id } = await said("send --from ann --to cleo --type greeting", '{"text":"hi"}');
    await inbox.until(({ lines }) => lines.length === 2);
    expect(inbox.stdout).toBe(`greeting from ann ${id.trim()}\n  {"text":"hi"}\n`);
  });
});

describe("skein completion", () => {
  test("completes commands, flags, shells and names of instances in bash", async () => {
    await said("new sleeper complete-me");
    using bin = makeFolder();
    writeFileSync(join(bin.path, "skein"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(join(bin.path, "skein"), 0o755);
    const complete = (...words: string[]) => {
      const ask = `eval "$(skein completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _skein; echo "\${COMPREPLY[*]}"`;
      const env = { PATH: `${bin.path}:${process.env.PATH}`, SKEIN_URL: gateway.url };
      return spawnSync("bash", ["-c", ask, "bash", ...words], { encoding: "utf8", env }).stdout.trim();
    };
    expect(complete("skein", "res")).toBe("restart");
    expect(complete("skein", "token", "c")).toBe("check");
    expect(complete("skein", "ps", "--tok")).toBe("--token-file");
    expect(complete("skein", "down", "--n")).toBe("--no-wait");
    expect(complete("skein", "up", "comp")).toBe("complete-me");
    expect(complete("skein", "logs", "comp")).toBe("complete-me");
    expect(complete("skein", "completion", "f")).toBe("fish");
  });

  test.each(["zsh", "fish"])("has a script for %s with every command in it", async (shell) => {
    const { stdout } = await said(`completion ${shell}`);
    for (const command of program().commands) expect(stdout).toContain(command.name());
    expect(stdout).toContain("skein ps --all --names");
  });
});

test("Every command has help with an example that begins with its name", () => {
  for (const command of program().commands) {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(new RegExp(`\\nExamples?:\\n  .*skein ${command.name()} ?`));
  }
});
