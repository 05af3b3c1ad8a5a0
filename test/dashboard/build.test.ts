import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const within = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test("The dashboard is built when it is not there as its sources want it, and then not again", () => {
  const build = () => spawnSync(process.execPath, [within("scripts/dashboard.mjs")], { encoding: "utf8" });
  expect(build()).toMatchObject({ status: 0, stdout: "" });
  const before = statSync(within("dist/dashboard/index.html"));
  expect(build()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(statSync(within("dist/dashboard/index.html")).mtimeMs).toBe(before.mtimeMs);
});
