import { defineConfig } from "vitest/config";

/** The pictures of the dashboard in docs/images, for `npm run images`. */
export default defineConfig({
  test: {
    include: ["test/images/**/*.pictures.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
