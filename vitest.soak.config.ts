import { defineConfig } from "vitest/config";

/** The long runs, for `npm run soak`: what the suite proves in minutes, for as long as SOAK_MINUTES says. */
export default defineConfig({
  test: {
    include: ["test/soak/**/*.soak.ts"],
    testTimeout: 24 * 3_600_000,
    hookTimeout: 60_000,
  },
});
