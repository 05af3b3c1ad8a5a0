/** What every run of tests shares. */
export const patience = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // A browser on a machine that is busy with two other test files takes its time.
  expect: { poll: { timeout: 10_000 } },
  // Two cores and a half of the time spent waiting for real processes; with more, their timing gets worse.
  maxWorkers: 3,
};
