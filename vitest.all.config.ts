import { defineConfig } from "vitest/config";
import { patience } from "./vitest.shared.ts";

/** What is tried against each version of nats-server: who may do what, the attack, and the contract of the bus. */
const onEachServer = [
  "test/bus/{attack,probe,roles,roles-at-work,one-account,nats,failures,restricted,restricted-start}.test.ts",
  "test/cli/nats-config.test.ts",
  "test/**/*.all.ts",
];

/** The file of each version, as scripts/test-all.mjs has found or built it. */
function servers(): [version: string, file: string][] {
  const found = process.env.NATS_SERVERS;
  if (found === undefined) throw new Error("Start this with: npm run test:all");
  return Object.entries(JSON.parse(found) as Record<string, string>);
}

/** The tests for `npm run test:all`. */
export default defineConfig({
  test: {
    ...patience,
    projects: [
      ...servers().map(([version, file]) => ({
        extends: true as const,
        test: {
          name: `nats-server ${version}`,
          include: onEachServer,
          env: { NATS_SERVER_BIN: file, NATS_SERVER_VERSION: version },
        },
      })),
      {
        extends: true,
        test: {
          name: "load",
          include: ["test/load/**/*.load.ts"],
          testTimeout: 15 * 60_000,
          // What is measured must have the machine for itself.
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
