import { defineConfig } from "vitest/config";

/** What clients can do to a gateway within their limits, for as long as LOAD_SECONDS says. */
export default defineConfig({
  test: {
    include: ["test/load/**/*.load.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    // Two loads at once would measure each other.
    fileParallelism: false,
  },
});
