import { defineConfig } from "vitest/config";

/** The tests of the core, for `npm run test:deno`: what must hold on any runtime. */
export default defineConfig({
  test: {
    include: [
      "test/{protocol,bus,stream,streams,hub,transport,logs,auth,limits,metrics,client}/**/*.test.ts",
      "test/access/{credentials,expiry,limits,pages}.test.ts",
    ],
    // A browser is driven from Node only, and torture says nothing of a runtime.
    exclude: ["**/*chromium*", "**/*browser*", "test/logs/torture.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
