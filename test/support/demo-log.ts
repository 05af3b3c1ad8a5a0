const grey = (text: string) => `\x1b[90m${text}\x1b[0m`;

const levels = {
  debug: "\x1b[36mDEBUG\x1b[0m",
  info: "\x1b[32mINFO \x1b[0m",
  warn: "\x1b[33mWARN \x1b[0m",
  error: "\x1b[1;31mERROR\x1b[0m",
} as const;

type Said = readonly [level: keyof typeof levels, text: string];

const said: readonly Said[] = [
  ["info", "agent coder-1 is up, model=\x1b[35mlarge\x1b[0m"],
  ["debug", "workspace /srv/coder-1 has 412 files"],
  ["info", "task pay-form: reading \x1b[4msrc/pay.ts\x1b[0m"],
  ["debug", "prompt 6,214 tokens, cache hit 71 %"],
  ["info", "edit src/pay.ts \x1b[32m+38\x1b[0m \x1b[31m-12\x1b[0m"],
  ["info", "running \x1b[1mnpm test -- pay\x1b[0m"],
  ["warn", "the payment sandbox took 4.1 s to answer"],
  ["error", "POST https://sandbox.example.com/charge → \x1b[31m503 Service Unavailable\x1b[0m"],
  ["info", "retry 1 of 3 in 2 s"],
  ["info", "\x1b[32m✓\x1b[0m 18 tests passed in 9.4 s"],
  ["debug", 'reply {"role":"assistant","stop_reason":"tool_use","usage":{"in":6214,"out":512}}'],
];

/** A line of the log of an agent, in the colours of a terminal. */
export function logLine(n: number): string {
  const [level, text] = said[n % said.length] ?? ["info", ""];
  const at = new Date(Date.UTC(2026, 5, 1, 9, 20) + n * 7_340).toISOString().slice(11, 23);
  return `${grey(at)} ${levels[level]} ${text}`;
}

/** What stands in the log from the beginning. */
export const logLines = Array.from({ length: 160 }, (_, n) => logLine(n));
