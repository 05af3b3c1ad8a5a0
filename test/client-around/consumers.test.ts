import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { type Captured, capture } from "./captured.ts";
import { type Home, packed } from "./packed.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const compilers = [
  ["5.9", join(root, "test/typescript-5/node_modules/typescript/bin/tsc")],
  ["7", join(root, "node_modules/typescript/bin/tsc")],
] as const;

const strict = {
  target: "es2022",
  module: "esnext",
  moduleResolution: "bundler",
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/** A program that follows streams, as somebody writes it who has nothing but the package. */
const program = `import { connect, type FrameOf, type Instance, type StateOf } from "skein/client";
const skein = connect("https://gateway.example", { token: async () => "t", transports: ["ws", "poll"], share: "tabs" });
const instances = skein.stream("instances?include_archived=true");
for await (const state of instances) for (const { name, status, port } of state.values()) status + name + (port ?? 0).toFixed();
instances.onFrame((frame) => { if (frame.type === "status_changed") frame.status.at(0); });
const log = skein.stream(\`instances/\${"a" as string}/logs?backlog=5\`);
log.subscribe((entries) => entries?.map((entry) => entry.kind === "line" ? entry.text : entry.reason));
const own = skein.stream("deploys", { keep: 5, reduce: (count: number | undefined, frame: { type: string }) => (count ?? 0) + frame.type.length });
const count: number | undefined = own.getSnapshot();
await instances.send({ type: "set_include_archived", value: true });
skein.onStatus(({ state, transport, retryAtMs }) => state === "waiting" && transport === "sse" && retryAtMs?.toFixed());
const row: Instance = { name: "a", status: "s", port: null, pid: null, archived_at: null };
const tasks: StateOf<"tasks/i1"> | undefined = skein.stream("tasks/i1").getSnapshot();
tasks?.get("t")?.steps.get("s")?.action?.at(0);
const frame: FrameOf<"swarm"> = { type: "connected", data: "" };
`;

const bindings = `import { GraphSocket, MissionSocket, RunSocket, RunWebSocket } from "skein/client/crew";
import { showFragments } from "skein/client/fragments";
import { useStatus, useStream } from "skein/client/react";
import { statusStore, streamStore } from "skein/client/svelte";
import { connect } from "skein/client";
const skein = connect("/");
function View() { const { state, status } = useStream(skein, "messages"); return [useStatus(skein).state, status.phase, state?.[0]?.correlation_id]; }
streamStore(skein, "mission").subscribe(({ state }) => state?.get("c1")?.status === "busy");
statusStore(skein).subscribe(({ state }) => state === "live");
const stop: () => void = showFragments(skein, document.body);
const graph = new GraphSocket("c1", "token");
graph.subscribe((event) => { switch (event.type) { case "tool_end": event.duration_s?.toFixed(); } });
new RunSocket("r1", { url: "wss://gateway.example", token: () => "t" }).onStatus(({ state }) => state === "lost");
new MissionSocket("token").subscribe((event) => { if (event.type === "signal") event.payload.status.at(0); });
new RunWebSocket("r1").connect();
View(); stop();
`;

/** Lines that are wrong, and a part of what a compiler says about each. */
const wrong: readonly (readonly [code: string, says: string])[] = [
  ['skein.stream("instances").subscribe((rows) => rows?.get("a")?.status.colour);', "'colour'"],
  ['skein.stream("messages").onFrame((frame) => frame.type === "sent");', "no overlap"],
  ['const n: number = skein.stream("runs/r1").getSnapshot()?.length;', "undefined"],
  ['connect("/", { tokn: "t" });', "'tokn'"],
  ['skein.stream("mission").getSnapshot()?.get("c")?.status === "asleep";', "no overlap"],
  ["useStream(skein, 3);", "'number'"],
  ['streamStore(skein, "swarm").subscribe(({ state }) => state?.agent);', "'agent'"],
  ['new GraphSocket("c").subscribe((event) => event.type === "boot");', "no overlap"],
  ['const row: Instance = { name: "a", status: "s", port: "80", pid: null, archived_at: null };', "'string'"],
];
const wrongHead = `import { connect, type Instance } from "skein/client";
import { GraphSocket } from "skein/client/crew";
import { useStream } from "skein/client/react";
import { streamStore } from "skein/client/svelte";
const skein = connect("/");
`;

/** The programs of the documentation. */
function documented(): Record<string, string> {
  const page = readFileSync(join(root, "docs/bindings.md"), "utf8");
  const found = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = ""], i) => [`documented-${i}.ts`, code] as const,
  );
  return Object.fromEntries(found);
}

/** What gateways really send, as a program that says of which stream each frame is. */
function typed(captured: Captured): string {
  const lines = Object.entries(captured).flatMap(([name, frames]) =>
    frames.map(
      (frame, i) => `export const f${i}_${name.replaceAll(/\W/g, "_")}: FrameOf<"${name}"> = ${JSON.stringify(frame)};`,
    ),
  );
  return ['import type { FrameOf } from "skein/client";', ...lines, ""].join("\n");
}

/** What a compiler says about files, when they are all that there is besides the package. */
async function compile(
  compiler: string,
  { path }: Home,
  files: Readonly<Record<string, string>>,
  lib: readonly string[],
) {
  const folder = mkdtempSync(join(path, "consumer-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const compilerOptions = { ...strict, lib };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
    const child = spawn(process.execPath, [compiler, "-p", folder, "--pretty", "false"], { cwd: folder });
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    await once(child, "close");
    return said.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let home: Home;
let captured: Captured;
beforeAll(async () => {
  home = packed();
  captured = await capture();
});

const dom = ["es2022", "dom", "dom.iterable"];

test.each(compilers)(
  "On TypeScript %s a program that has nothing but the package compiles with every entry, as the documented ones do and every frame that a gateway sends, and another is told of every mistake",
  async (_version, compiler) => {
    const right = { ...documented(), "program.ts": program, "bindings.ts": bindings, "frames.ts": typed(captured) };
    expect(Object.keys(right).length).toBeGreaterThan(5);
    const before = wrongHead.split("\n").length;
    const [first] = captured.messages ?? [];
    // A frame whose field has another name than its type says.
    const renamed = typed({ messages: [{ ...first, recent_events: undefined, recent: [] }] });
    const mistaken = wrongHead + wrong.map(([code]) => `{ ${code} }`).join("\n");
    const said = await compile(compiler, home, { ...right, "wrong.ts": mistaken, "renamed.ts": renamed }, dom);
    const about = (file: string, line: number) => said.filter((one) => one.includes(`${file}(${line},`)).join("\n");
    for (const [i, [code, says]] of wrong.entries()) expect(about("wrong.ts", before + i), code).toContain(says);
    expect(said.filter((line) => line.includes("wrong.ts("))).toHaveLength(wrong.length);
    expect(about("renamed.ts", 2)).toContain("recent_events");
    // What goes on in a second line of an error is indented.
    expect(said.filter((line) => !/^\s|(wrong|renamed)\.ts\(/.test(line))).toEqual([]);
  },
);

test("What runs without a page needs no types of one", async () => {
  const all = `${program}export * from "skein/client/svelte";\nexport * from "skein/client/crew";\n`;
  const [, [, compiler]] = compilers;
  expect(await compile(compiler, home, { "program.ts": all }, ["es2022"])).toEqual([]);
});
