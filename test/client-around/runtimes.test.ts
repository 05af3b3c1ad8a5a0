import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { packed } from "./packed.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** Follows a run over every transport, and all at once; prints what it knows at the end, and ends by itself. */
const program = `
import { connect } from "skein/client";
const url = process.argv[2];
for (const options of [{ transports: ["ws"] }, { transports: ["sse"] }, { transports: ["poll"] }, { share: "tabs" }]) {
  const skein = connect(url, options);
  for await (const state of skein.stream("runs/r1")) {
    if (state.length < 3) continue;
    console.log(skein.status.transport, state.map(({ type }) => type).join());
    break;
  }
  skein.close();
}
`;

const told = ["ws", "sse", "poll", "ws"].map((transport) => `${transport} boot,task_start,done\n`).join("");

test.each([
  ["Node", process.execPath, []],
  ["Deno", join(root, "node_modules/.bin/deno"), ["run", "--allow-net", "--allow-read", "--allow-env"]],
])(
  "The built client follows a stream over every transport on %s, and lets the program end",
  async (name, runtime, flags) => {
    await using gateway = await startGateway();
    for (const type of ["boot", "task_start", "done"]) await gateway.publish("runs/r1", { type });
    const { path } = packed();
    const file = join(path, `program-${name}.mjs`);
    writeFileSync(file, name === "Deno" ? program.replace("process.argv[2]", "Deno.args[0]") : program);
    const { stdout, stderr } = await run(runtime, [...flags, file, gateway.url], { cwd: path, timeout: 20_000 });
    expect(stderr).toBe("");
    expect(stdout).toBe(told);
  },
);

test("The check of the bundle says how large it is, and what is wrong with one that is too large or needs something", async () => {
  const { path } = packed();
  const script = join(root, "scripts/client.mjs");
  const check = (file: string) =>
    run(process.execPath, [script, "--check", file]).then(
      ({ stdout }) => ({ stdout, stderr: "" }),
      ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ stdout, stderr }),
    );
  const noise = Array.from({ length: 12_000 }, (_, i) => Math.imul(i + 1, 2_654_435_761).toString(36)).join("");
  const files = {
    large: `export const large = "${noise}";`,
    needy: 'import { join } from "node:path";\nconsole.log(join, Buffer);',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, `${name}.js`), text);
  expect((await check(join(path, "large.js"))).stderr).toMatch(/bytes more than 8192/);
  expect((await check(join(path, "needy.js"))).stderr).toMatch(/needs node:path.*needs Buffer/);
  expect((await check("src/client/index.ts")).stdout).toMatch(/^skein\/client: \d+ bytes gzipped of 8192/);
});
