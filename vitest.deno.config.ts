import { defineConfig } from "vitest/config";

/** The tests of the core, for `npm run test:deno`: what must hold on any runtime. */
export default defineConfig({
  test: {
    include: ["test/{protocol,bus,stream,streams,hub,transport}/**/*.test.ts"],
    // A browser is driven from Node only.
    exclude: ["**/*chromium*", "**/*browser*"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
