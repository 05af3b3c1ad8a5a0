import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const head = `import { connect } from "skein/publisher";\nconst skein = await connect({ nats: "nats://127.0.0.1:4222" });\n`;

/** Uses that are right, as the documentation has them besides. */
const right = [
  'await connect({ http: "http://h", token: () => "t", bufferMessages: 1 });',
  'const { position, duplicate } = await skein.crew("c").signal("busy"); position + 1; duplicate === true;',
  'skein.run("r").boot({ name: "n", branch: "main" });',
  'skein.run("r").agentEnd("a", { status: "ok", duration_s: 1, tokens: 3 });',
  'const n: number = await skein.tools({ crew: "c" }).run("t", async (call) => { call.progress(0.5, "m"); return 3; }); n;',
  'const m: string = (await skein.message.send({ from: "a", to: "b", message_type: "t", payload: null })).message_id; m;',
  'skein.publish(["runs", "r/1"], { type: "boot" }, { id: "i" });',
];

/** Uses that are wrong, and a part of what the compiler says. */
const wrong: readonly (readonly [code: string, says: string])[] = [
  ["await connect({});", "ConnectOptions"],
  ['await connect({ http: "http://h", org: "acme" });', "org"],
  ['skein.crew("c").signal("asleep");', '"asleep"'],
  ['skein.run("r").boot({ name: 3 });', "number"],
  ['skein.run("r").agentStart();', "Expected 1-2 arguments"],
  ['skein.run("r").done({ duration_s: "3" });', "number"],
  ['skein.task("i", "t").update({ status: "DONE" });', '"DONE"'],
  ['skein.task("i", "t").update({ progres: 3 });', "progres"],
  ['skein.task("i", "t").step({ action: "a" });', "step_id"],
  ['skein.attack("a").changed({ progress: 3 });', "state"],
  ['skein.attack("a").progress({ state: "s" });', "progress"],
  ['skein.job("j").changed({ state: "s", attack: "a" });', "attack"],
  ['skein.agent("a").error({});', "message"],
  ['skein.crack("c").submitted({ plaintext: "p" });', "plaintext"],
  ['skein.swarm.agent("a");', "Expected 2 arguments"],
  ['skein.message.send({ from: "a", to: "b", payload: 1 });', "message_type"],
  ['skein.tools({ run: "r" });', "crew"],
  ['skein.tools({ crew: "c" }).start("t").end({ status: "fine" });', '"fine"'],
  ['const s: string = await skein.tools({ crew: "c" }).run("t", () => 3); s;', "number"],
  ['skein.instance("i").is({ port: 3 });', "status"],
  ["skein.remove();", "Expected 1 arguments"],
];

/** What the compiler says of each file. */
function compiled(codes: readonly string[]): string[] {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  // Below node_modules, so that packages are found and nobody takes the files for ours.
  const folder = mkdtempSync(join(cache, "skein-publisher-"));
  try {
    const files = codes.map((code, i) => {
      const entry = `${relative(folder, root)}/src/publisher/index.ts`;
      writeFileSync(join(folder, `${i}.ts`), code.replaceAll('from "skein/publisher"', `from "${entry}"`));
      return `${i}.ts`;
    });
    // Without a word about what to include it would be the whole project.
    const project = { extends: join(root, "tsconfig.json"), files, include: [] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(
      process.execPath,
      [compiler, "-p", folder, "--pretty", "false", "--noUnusedLocals", "false"],
      { encoding: "utf8" },
    );
    const said = (i: number) => stdout.split("\n").filter((line) => new RegExp(`(^|/)${i}\\.ts\\(`).test(line));
    // What an error goes on to say stands in lines of their own, which begin with blanks.
    return codes.map((_, i) => {
      const lines = stdout.split("\n");
      return said(i)
        .map((line) => {
          const at = lines.indexOf(line);
          const end = lines.findIndex((other, j) => j > at && !other.startsWith("  "));
          return lines.slice(at, end).join("\n");
        })
        .join("\n");
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("what is right compiles, and what is wrong does not", () => {
  const says = compiled([...right, ...wrong.map(([code]) => code)].map((code) => head + code));
  expect(says.slice(0, right.length)).toEqual(right.map(() => ""));
  for (const [i, [code, part]] of wrong.entries()) expect(says[right.length + i], code).toContain(part);
}, 60_000);

test("the page about publishing shows only TypeScript that compiles", () => {
  const page = readFileSync(join(root, "docs/publishing.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  expect(blocks.length).toBeGreaterThan(3);
  expect(compiled(blocks.map((code) => (code.includes("await connect(") ? code : head + code)))).toEqual(
    blocks.map(() => ""),
  );
}, 60_000);
