import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { follow, transports } from "../support/client.ts";
import { type Folder, main, makeFolder, skein, startSkein } from "../support/process.ts";

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder[Symbol.dispose]());

function write(name: string, content: string, into = folder): string {
  const path = join(into.path, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A module that exports a feed; what is said of it replaces what it would be. */
function feed(name: string, { path = name, subject = `${name}.:id`, from = "skein" } = {}): string {
  return `import { defineFeed, z } from "${from}";
const note: string = "types are taken away";
export const ${name} = defineFeed({
  path: "${path}",
  description: "What " + note.length + " letters say",
  subject: "${subject}",
  access: { role: "viewer", needsToken: false, names: {} },
  rejectedBody: "shown",
  query: z.strictObject({}),
  event: z.looseObject({ text: z.string() }),
  keepMs: 60_000,
  messages: {},
  past: { kind: "whole" },
  frame: (event) => ({ ...event, type: "note" }),
  shows: () => true,
  ends: () => false,
});
`;
}

/** What `skein config` says in the folder. */
const configured = (...args: string[]) => skein(["config", ...args], { cwd: folder.path });

describe("A stream of the user's own is served like those of Skein", () => {
  test.each([
    ["a folder beside a configuration file", { "skein.config.json": "{}", "streams/notes.ts": feed("notes") }],
    ["a folder that a knob names", { "skein.config.json": '{"streams":"mine"}', "mine/notes.mts": feed("notes") }],
    [
      "the list of a configuration file that is a program",
      {
        "skein.config.ts": `import { defineConfig } from "skein";
          import { notes } from "./notes.ts";
          export default defineConfig({ drainMs: "10ms", streams: [notes] });`,
        "notes.ts": feed("notes"),
      },
    ],
    [
      "the list of one in JavaScript",
      {
        "skein.config.mjs": `import { notes } from "./notes.mjs"; export default { streams: [notes] };`,
        "notes.mjs": feed("notes").replace("note: string", "note"),
      },
    ],
  ])("when it is in %s", async (_where, files) => {
    for (const [name, content] of Object.entries(files)) write(name, content);
    await using gateway = await startSkein(["--data", ":memory:"], { cwd: folder.path });
    expect(gateway.run.stderr).toBe("");
    expect((await gateway.publish("notes/n1", { text: "hello" })).status).toBe(201);
    expect((await gateway.publish("notes/n1", { text: 7 })).status).toBe(400);
    for (const transport of transports) {
      using client = follow(transport, gateway.url, "notes");
      expect((await client.count(2))[1]).toMatchObject({ type: "note", text: "hello", id: "n1" });
    }
    const { streams } = (await (await fetch(`${gateway.url}/api/streams`)).json()) as { streams: object[] };
    expect(streams).toContainEqual({ path: "notes", description: "What 20 letters say", query: [] });
  });

  test("and a listed one and one of a folder stand beside each other", async () => {
    write("skein.config.ts", `import { more } from "./more.ts"; export default { port: 0, streams: [more] };`);
    write("more.ts", feed("more"));
    write("streams/notes.ts", feed("notes"));
    const { stdout } = await configured();
    expect(stdout).toContain("more (streams[0] in skein.config.ts)");
    expect(stdout).toContain("notes (notes in streams/notes.ts)");
  });

  test("also on Deno, where an import map says what skein is", async () => {
    const index = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
    write("skein.config.ts", "export default { port: 8123 };");
    write("streams/notes.ts", feed("notes", { from: index }));
    const deno = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));
    const { stdout, stderr } = spawnSync(deno, ["run", "-A", main, "config"], {
      cwd: folder.path,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/port +8123 +file skein\.config\.ts/);
    expect(stdout).toContain("notes (notes in streams/notes.ts)");
  });
});

describe("skein config", () => {
  test("shows what a program sets, and which streams there are", async () => {
    write("skein.config.ts", 'export default { port: 8123, drainMs: "5s" as string };');
    write("streams/notes.ts", feed("notes"));
    write("streams/_helpers.ts", "export const nothing = 1;");
    write("streams/notes.test.ts", "throw new Error('a test is no stream');");
    const { stdout, stderr, code } = await configured("--json");
    expect([code, stderr]).toEqual([0, ""]);
    const rows = JSON.parse(stdout) as { knob: string }[];
    expect(rows.find(({ knob }) => knob === "port")).toMatchObject({ value: "8123", origin: "file skein.config.ts" });
    expect(rows.find(({ knob }) => knob === "streams")).toMatchObject({
      value: "streams",
      origin: "beside the configuration file",
      found: [{ path: "notes", kind: "feed", from: "notes in streams/notes.ts" }],
    });
  });

  test("runs nothing of a folder that no configuration file lies beside", async () => {
    write("streams/notes.ts", "throw new Error('run');");
    expect((await configured()).code).toBe(0);
  });
});

describe("What cannot be served is told with its file, its export and what is wrong:", () => {
  const fine = { "skein.config.json": "{}" };
  const rows = [
    [
      "a module that throws",
      { ...fine, "streams/a.ts": "throw new Error('no luck');" },
      /streams\/a\.ts cannot be loaded: no luck/,
    ],
    [
      "a definition at fault",
      { ...fine, "streams/a.ts": feed("notes", { subject: ":id" }) },
      /streams\/a\.ts .*Stream "notes": its subject ":id" must begin with a word/,
    ],
    ["no TypeScript", { ...fine, "streams/a.ts": "enum A { b }" }, /streams\/a\.ts .*enum/],
    [
      "an import that is not there",
      { ...fine, "streams/a.ts": 'import "lodash";' },
      /streams\/a\.ts .*lodash.*install what it imports/,
    ],
    [
      "an export that is no stream",
      { ...fine, "streams/a.ts": "export const b = { path: 'b' };" },
      /b in streams\/a\.ts is no stream but an object.*defineFeed/,
    ],
    [
      "a function",
      { ...fine, "streams/a.ts": "export function make() {}" },
      /make in streams\/a\.ts is no stream but function/,
    ],
    ["no export", { ...fine, "streams/a.ts": "const a = 1;" }, /streams\/a\.ts exports nothing/],
    [
      "the path of a stream of Skein",
      { ...fine, "streams/a.ts": feed("notes", { path: "messages" }) },
      /notes in streams\/a\.ts is served at "messages", where "messages" is served already \(Skein\)/,
    ],
    [
      "a path that one of Skein matches",
      { ...fine, "streams/a.ts": feed("notes", { path: "instances/:id/logs" }) },
      /"instances\/:id\/logs", where "instances\/:name\/logs" is served already/,
    ],
    [
      "a store of Skein",
      { ...fine, "streams/a.ts": feed("notes", { subject: "runs.:id.notes" }) },
      /has the store "runs" by its subject "runs\.:id\.notes", which is that of "runs\/:run_id"/,
    ],
    [
      "subjects of Skein",
      { ...fine, "streams/a.ts": feed("notes", { subject: "swarm.agents.:id" }) },
      /reads "swarm\.agents\.:id", which is what "swarm" reads/,
    ],
    [
      "what Skein keeps for itself",
      { ...fine, "streams/a.ts": feed("notes", { subject: "letters.:id" }) },
      /"letters" is used by Skein itself/,
    ],
    [
      "two of one path",
      { ...fine, "streams/a.ts": feed("one", { path: "x" }), "streams/b.ts": feed("two", { path: "x" }) },
      /two in streams\/b\.ts is served at "x", .*\(one in streams\/a\.ts\)/,
    ],
    [
      "one under two names",
      { ...fine, "streams/a.ts": `${feed("one")}export const two = one;` },
      /two in streams\/a\.ts is one in streams\/a\.ts once more/,
    ],
    [
      "a folder that is not there",
      { "skein.config.json": '{"streams":"gone"}' },
      /The folder of streams, gone, cannot be read: ENOENT/,
    ],
    [
      "a list with something else",
      { "skein.config.ts": "export default { streams: [1] };" },
      /streams\[0\] in skein\.config\.ts is no stream but number/,
    ],
    [
      "a program without settings",
      { "skein.config.ts": "export const port = 1;" },
      /skein\.config\.ts must export its settings as default/,
    ],
    [
      "a program with a wrong knob",
      { "skein.config.ts": "export default { prot: 1 };" },
      /skein\.config\.ts sets "prot".*did you mean "port"\?/,
    ],
    [
      "a program with a wrong value",
      { "skein.config.ts": "export default { drainMs: 'long' };" },
      /drainMs is "long" \(file skein\.config\.ts\)/,
    ],
    [
      "two configuration files",
      { ...fine, "skein.config.ts": "export default {};" },
      /skein\.config\.json and skein\.config\.ts are all there/,
    ],
  ] as const;
  let told: readonly string[];
  beforeAll(async () => {
    using house = makeFolder();
    for (const [at, [, files]] of rows.entries()) {
      for (const [name, content] of Object.entries(files)) write(`${at}/${name}`, content, house);
    }
    const judge = fileURLToPath(new URL("./own-streams.process.ts", import.meta.url));
    const folders = rows.map((_, at) => join(house.path, String(at)));
    const { stdout } = await promisify(execFile)(process.execPath, [judge, ...folders]);
    told = JSON.parse(stdout);
  });

  test.each(rows.map(([what, , sentence], at) => ({ what, sentence, at })))("$what", ({ sentence, at }) => {
    expect(told[at]).toMatch(sentence);
  });

  test.each([
    ["a stream", { ...fine, "streams/a.ts": "export function make() {}" }, 1],
    ["a setting", { "skein.config.ts": "export default { prot: 1 };" }, 2],
  ])("and nothing starts: %s at fault", async (_what, files, exitCode) => {
    for (const [name, content] of Object.entries(files)) write(name, content);
    const { code, stdout, stderr } = await skein(["start", "--port", "0"], { cwd: folder.path });
    expect([code, stdout]).toEqual([exitCode, ""]);
    expect(stderr).toMatch(/^(?:skein: .*\n)+$/);
  });
});

test("A view of one's own on a store of Skein is no collision", async () => {
  write("skein.config.json", "{}");
  write(
    "streams/rows.ts",
    `import { defineTable, z } from "skein";
    export const rows = defineTable({
      path: "rows", description: "Names", subject: "instances.:name", ownedSubject: "managed.:name",
      access: { role: "viewer", needsToken: false, names: { instances: ["name"] } },
      rejectedBody: "shown", query: z.strictObject({}), record: z.looseObject({ name: z.string() }), messages: {},
      snapshot: (found) => [{ type: "snapshot", names: found.map(({ name }) => name) }],
      deltas: () => [], shows: () => true,
    });`,
  );
  await using gateway = await startSkein(["--data", ":memory:"], { cwd: folder.path });
  await gateway.publish("instances/a", { status: "running" });
  using client = follow("poll", gateway.url, "rows");
  await client.until((frames) => frames.length > 0);
  expect(client.frames[0]).toMatchObject({ type: "snapshot", names: ["a"] });
});

test("The page about streams of one's own does what it says", async () => {
  const page = readFileSync(new URL("../../docs/streams.md", import.meta.url), "utf8");
  const [definition = "", configuration = ""] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = ""]) => code,
  );
  const [, lines = ""] = /^```sh\n(.*?)^```$/ms.exec(page) ?? [];
  expect(configuration).toContain("defineConfig");
  write("skein.config.json", "{}");
  write("streams/deploys.ts", definition);
  await using gateway = await startSkein(["--data", ":memory:"], { cwd: folder.path });
  const [, , publish = "", curl = ""] = lines.split("\n");
  const script = `skein() { '${process.execPath}' '${main}' "$@"; }\n${publish}\n${curl}`;
  const env = { ...process.env, SKEIN_URL: gateway.url };
  spawnSync("sh", ["-c", script.replaceAll("http://127.0.0.1:8000", gateway.url)], { env });
  using client = follow("sse", gateway.url, "deploys?service=cart");
  expect((await client.count(1))[0]).toMatchObject({
    type: "snapshot",
    deploys: [
      { service: "cart", version: "2.0.1", timestamp: expect.any(String) },
      { service: "cart", version: "2.0.2", timestamp: expect.any(String) },
    ],
  });
  write("other/skein.config.ts", configuration);
  write("other/deploys.ts", definition);
  const { stdout } = await configured("--config", "other/skein.config.ts");
  expect(stdout).toContain("deploys (streams[0] in other/skein.config.ts)");
});
