import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("outliving.process.ts", import.meta.url));

test("A process that serves outlives what nothing has caught, says it and counts it", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
  expect(stdout).toBe("still here after 2\n");
  expect(stderr).toContain("something that nothing has caught: a defect in a callback");
  expect(stderr).toContain("something that nothing waits for: a defect in a promise");
});
