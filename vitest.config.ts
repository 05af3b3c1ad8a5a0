import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/chromium.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A browser on a machine that is busy with two other test files takes its time.
    expect: { poll: { timeout: 10_000 } },
    // Two cores and a half of the time spent waiting for real processes; with more, their timing gets worse.
    maxWorkers: 3,
    // No module of the house has state of its own, so files may share a process: half a second less for each of them.
    isolate: false,
  },
});
