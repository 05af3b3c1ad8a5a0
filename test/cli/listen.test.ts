import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listenTo } from "../../src/cli/listen.ts";
import { follow, type Transport, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { main, makeFolder, Run, skein, startSkein } from "../support/process.ts";
import { misread } from "./in-process.ts";

const awkward = 'grüße \u2028 \u{1f9f6} "quoted" \\ tab\t';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

/** Publishes the events of a run from one number to another. */
async function work(
  run: string,
  [from, to]: readonly [number, number],
  { url }: { readonly url: string } = gateway,
): Promise<void> {
  for (let n = from; n <= to; n++) {
    const body = JSON.stringify({ type: "task_end", n, said: awkward });
    const { status } = await fetch(`${url}/api/publish/runs/${run}`, { method: "POST", body });
    expect(status).toBe(201);
  }
}

function listener(transport: Transport, stream: string, url = gateway.url): Run {
  return new Run(["listen", stream, "--transport", transport, "--url", url]);
}

/** One listener over each transport. */
class Listeners implements AsyncDisposable {
  readonly runs: readonly Run[];

  constructor(url: string, stream: string) {
    this.runs = transports.map((transport) => listener(transport, stream, url));
  }

  /** Settles when each has printed the event with that number. */
  async until(n: number): Promise<void> {
    await Promise.all(this.runs.map((run) => run.until(() => numbers(run).at(-1) === n)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.runs.map((run) => run.kill()));
  }
}

/** The numbers of the events that were printed. */
function numbers(run: Run): number[] {
  return run.lines.flatMap((line) => JSON.parse(line).n ?? []);
}

test("The lines are the frames' very bytes, over every transport", async () => {
  await using listeners = new Listeners(gateway.url, "runs/bytes");
  await work("bytes", [1, 3]);
  using client = follow("ws", gateway.url, "runs/bytes");
  await listeners.until(3);
  await work("bytes", [4, 6]);
  await listeners.until(6);
  await client.until((frames) => frames.at(-1)?.n === 6);
  for (const { lines } of listeners.runs) expect(lines.slice(-6)).toEqual(client.raw.slice(-6));
  expect(client.frames.at(-1)?.said).toBe(awkward);
});

test("After kill -9 of the gateway everyone goes on where they were, and no frame is lost or printed twice", async () => {
  using folder = makeFolder();
  const args = ["--data", folder.path];
  let mortal = await startSkein(args);
  await using listeners = new Listeners(mortal.url, "runs/r1");
  await work("r1", [1, 3], mortal);
  for (const n of [3, 6]) {
    await listeners.until(n);
    await mortal.run.kill();
    mortal = await startSkein([...args, "--port", String(mortal.port)]);
    await work("r1", [n + 1, n + 3], mortal);
  }
  await listeners.until(9);
  await mortal.run.kill();
  for (const run of listeners.runs) {
    expect(numbers(run)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(run.lines.filter((line) => line.includes('"snapshot"'))).toHaveLength(1);
    expect(run.stderr).toMatch(/^(skein: .+; again in \d\.\d s\n){2,}$/);
  }
});

test("A listener that comes before its gateway waits for it and says so", async () => {
  const probe = await startGateway();
  await probe.close();
  await using listeners = new Listeners(probe.url, "instances");
  await Promise.all(listeners.runs.map((run) => run.until(({ stderr }) => /; again in \d\.\d s\n/.test(stderr))));
  await using _gateway = await startGateway({ port: Number(new URL(probe.url).port) });
  await Promise.all(listeners.runs.map((run) => run.until(({ lines }) => lines.length === 1)));
  for (const { stdout } of listeners.runs) expect(stdout).toMatch(/^\{"type":"snapshot","instances":\[\],/);
});

describe.each(transports)("Over %s", (transport) => {
  test("the end of a run is the end, without an error", { timeout: 10_000 }, async () => {
    const id = `live-${transport}`;
    await work(id, [1, 1]);
    await using run = listener(transport, `runs/${id}`);
    await run.until(() => numbers(run).length === 1);
    await gateway.publish(`runs/${id}`, { type: "done" });
    await run.until(({ stdout }) => stdout.includes('"type":"done"'));
    expect(await run.exit).toEqual({ code: 0, signal: null });
  });

  test("a run that was done before is told whole, and that is the end", { timeout: 10_000 }, async () => {
    const id = `past-${transport}`;
    await work(id, [1, 2]);
    await gateway.publish(`runs/${id}`, { type: "done" });
    await using run = listener(transport, `runs/${id}`);
    expect(await run.exit).toEqual({ code: 0, signal: null });
    const types = run.lines.map((line) => JSON.parse(line).type);
    expect(types).toEqual(["snapshot", "task_end", "task_end", "done"]);
  });

  test("--since goes on after a cursor", async () => {
    const id = `since-${transport}`;
    await work(id, [1, 4]);
    using client = follow("ws", gateway.url, `runs/${id}`);
    const cursor = (await client.count(5))[2]?.cursor ?? "";
    await using run = new Run(["listen", `runs/${id}`, "-t", transport, "-u", gateway.url, "-s", cursor]);
    await run.until(() => numbers(run).length === 2);
    expect(numbers(run)).toEqual([3, 4]);
  });

  test("an unknown stream is refused in a sentence, and so is a bad query", async () => {
    const { code, stderr } = await skein(["listen", "nowhere", "-t", transport, "-u", gateway.url]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^skein: Refused: No stream "nowhere".*\n$/)]);
    const wrong = listenTo("messages?recent=many", { gateway, transport });
    await expect(wrong).rejects.toThrow(/^Refused: .*"recent"/);
  });

  test("a reader that leaves after the first line, as head does, ends it cleanly", async () => {
    const id = `head-${transport}`;
    const script = '{ timeout 20 "$0" "$@"; echo "exit $?" >&2; } | head -1';
    const args = [main, "listen", `runs/${id}`, "-t", transport, "-u", gateway.url];
    const piped = promisify(execFile)("/bin/sh", ["-c", script, process.execPath, ...args]);
    // As with any pipe, the writer hears of it when it next has something to say.
    let isEnded = false;
    piped.finally(() => (isEnded = true));
    while (!isEnded) await work(id, [1, 1]);
    const { stdout, stderr } = await piped;
    expect(stdout).toMatch(/^\{"type":"snapshot".*\}\n$/);
    expect(stderr).toBe("exit 0\n");
  });
});

test.each([
  [["--transport", "pigeon"], /pigeon.*ws, sse, poll/],
  [["--url", "nowhere"], /nowhere.*http:\/\/127\.0\.0\.1:8000/],
])("skein listen instances %s is told in a sentence to be wrong", async (args, sentence) => {
  expect(await misread("listen", "instances", ...args)).toMatch(sentence);
});
