import { configDefaults, defineConfig } from "vitest/config";

/** Tests that put something else in the place of a module, and so need modules of their own. */
const alone = ["test/bus/restricted-gateway.test.ts"];

/** Tests that look at pages, in one Chromium for all of them. */
const pages = ["test/{dashboard,client-around,browser}/**/*.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A browser on a machine that is busy with two other test files takes its time.
    expect: { poll: { timeout: 10_000 } },
    // Two cores and a half of the time spent waiting for real processes; with more, their timing gets worse.
    maxWorkers: 3,
    // Where nobody looks, one machine that stands still for a moment is no fault; the report names what needed two tries.
    retry: process.env.CI ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...alone, ...pages],
          // No module of the house has state of its own, so files may share a process: half a second less for each of them.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "pages",
          include: pages,
          globalSetup: ["test/support/chromium.ts"],
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: alone } },
    ],
  },
});
