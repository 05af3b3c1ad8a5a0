import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow, type Seen } from "../support/client.ts";
import { type Folder, makeFolder } from "../support/process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const names = ["chatter-1", "flaky-1", "web-1", "web-2", "worker-1", "worker-2"];

/** A line of a shell as a process, with what it has said so far. */
class Shell {
  text = "";
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(line: string, env: Readonly<Record<string, string>>) {
    this.child = spawn("/bin/sh", ["-c", line], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const hear = (data: Buffer) => {
      this.text += stripVTControlCharacters(String(data));
      this.#wake();
    };
    this.child.stdout?.on("data", hear);
    this.child.stderr?.on("data", hear);
    this.ended = once(this.child, "close").then(([code]) => {
      this.#isOver = true;
      this.#wake();
      return code;
    });
  }

  /** Settles when it has said something that matches; rejects when it ends before. */
  async until(said: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = said.exec(this.text);
      if (found) return found;
      if (this.#isOver) throw new Error(`It ended without saying ${said}:\n${this.text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends it as a Ctrl-C does: with all that it has started. */
  stop(): Promise<number | null> {
    if (this.child.pid !== undefined && this.child.exitCode === null) process.kill(-this.child.pid, "SIGTERM");
    return this.ended;
  }
}

/** The lines of shell in a part of a page, without comments. */
function linesOf(page: string, [from, to]: readonly [string, string]): string[] {
  const text = readFileSync(`${root}/${page}`, "utf8");
  const start = text.indexOf(from);
  const part = text.slice(start, text.indexOf(to, start + from.length));
  const blocks = [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  return blocks.flatMap((code) => code.trimEnd().split("\n")).map((line) => line.replace(/ +#.*/, ""));
}

const minute = linesOf("README.md", ["## One minute to a living fleet", "\n## "]);
const [starting = "", prelude = "", ...others] = minute;

let data: Folder;
let fleet: Shell;
let url = "";
beforeAll(async () => {
  data = makeFolder();
  fleet = new Shell(starting, { SKEIN_PORT: "0", SKEIN_DATA: data.path });
  url = (await fleet.until(/is at (http:\S+),(?:.*\n)+ +Open +http:\S+\n/))[1] ?? "";
});
afterAll(async () => {
  await run("skein down --all").ended;
  await fleet.stop();
  data[Symbol.dispose]();
});

/** Runs a line of the manual as it is, at the gateway of this test. */
function run(line: string): Shell {
  return new Shell(`${prelude}\n${line.replaceAll("http://127.0.0.1:8000", url)}`, { SKEIN_URL: url });
}

/** Settles when every instance that the example names was seen running. */
async function everyoneRuns(): Promise<void> {
  using client = follow("sse", url, "instances");
  const isRunning = (frames: Seen[], name: string) =>
    frames.some((frame) => {
      const rows = (frame.instances ?? [frame]) as Seen[];
      return rows.some((row) => row.name === name && row.status === "running");
    });
  await client.until((frames) => names.every((name) => isRunning(frames, name)));
}

describe("The example fleet", () => {
  test("comes alive: everyone runs, and the web servers answer", async () => {
    await everyoneRuns();
    const rows = JSON.parse(await (await fetch(`${url}/api/instances`)).text()).instances as Seen[];
    expect(rows.map(({ name }) => name)).toEqual(names);
    const port = rows.find(({ name }) => name === "web-2")?.port;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("good day from web-2\n");
    const logs = run("skein logs web-2 -f");
    await logs.until(/GET \/, visit 1/);
    await logs.stop();
  });

  test("logs a lot", async () => {
    using client = follow("ws", url, "instances/chatter-1/logs");
    await client.until((frames) => frames.filter(({ type }) => type === "lines").length >= 5);
  });

  test("sends messages, which are delivered and acknowledged", async () => {
    using client = follow("sse", url, "messages");
    const isOf =
      (said: string) =>
      ({ event, to }: Seen) =>
        event === said && to === "worker-2";
    await client.until((frames) => frames.some(isOf("acknowledged")));
    expect(client.frames.find(isOf("acknowledged"))).toMatchObject({ from: "worker-1", message_type: "task" });
  });

  test("starts again what crashes", async () => {
    using client = follow("ws", url, "instances");
    expect(await run("skein new flaky flaky-2 -p seconds=1 --up").ended).toBe(0);
    await client.until((frames) => frames.some(({ name, restarts }) => name === "flaky-2" && restarts === 1));
    expect(await run("skein rm -f flaky-2").ended).toBe(0);
  });
});

/** What lines that go on until somebody stops them are to say. */
const followed: Readonly<Record<string, RegExp>> = {
  "curl -N http://127.0.0.1:8000/sse/instances": /"type":"snapshot"/,
  "skein logs web-1 -f": /web-1 listens on port/,
  "skein ps -w": /^worker-2 {2}running/m,
  "skein logs worker-1 -f": /worker-1 works with worker-2/,
  "skein listen 'messages?instance=worker-1'": /worker-1/,
};

describe("Every line does what the manual says:", () => {
  test.each(others)("%s", async (line) => {
    const watch = line === "skein down web-1" ? follow("sse", url, "instances") : undefined;
    await watch?.count(1);
    await check(line);
    await watch?.until((frames) => frames.some(({ name, status }) => name === "web-1" && status === "stopped"));
    watch?.close();
  });

  test("then everybody is brought up again", async () => {
    expect(await run("skein up --all").ended).toBe(0);
  });

  const page = linesOf("examples/fleet/README.md", ["starts a gateway with", "The instances outlive"]);
  test.each(page)("%s", check);

  test("the page of the example has its lines", () => {
    expect(page).toContain("skein ps -w");
    expect(linesOf("examples/fleet/README.md", ["# A small fleet", "starts a gateway"])).toEqual([starting]);
  });
});

async function check(line: string): Promise<void> {
  const shell = run(line);
  const said = followed[line];
  if (said) {
    await shell.until(said);
    await shell.stop();
    return;
  }
  expect(await shell.ended, shell.text).toBe(0);
}
