/** Measures Skein beside other servers: `node bench/fanout.ts --help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import colours from "picocolors";
import { Children } from "./children.ts";
import { help } from "./help.ts";
import { descriptorLimit } from "./measure.ts";
import type { Result } from "./medians.ts";
import { type Options, parseOptions, UsageError } from "./options.ts";
import { json, tables } from "./report.ts";
import { rivals } from "./rivals/all.ts";
import type { Rival } from "./rivals/rival.ts";
import { type Job, run } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** Descriptors a server needs besides one per client. */
const spareDescriptors = 200;

const children = new Children();
const directory = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    rivals.map(({ name }) => name),
  );
  if (options.help) return void process.stdout.write(help);
  checkMachine(options);
  const able = rivals.filter(isAble(options));
  const results: Result[] = [];
  for (const scenario of options.scenarios) {
    for (let round = 1; round <= options.repeat; round++) {
      for (const job of jobs(scenario, able, options)) results.push(await result(job, round));
    }
  }
  if (results.length === 0) throw new UsageError("Nothing to measure: no chosen server can run here");
  process.stdout.write(`${options.json ? json(results) : tables(results)}\n`);
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

function checkMachine({ scenarios }: Options): void {
  if (process.platform !== "linux") throw new UsageError("This bench reads /proc: run it on Linux");
  const needed = Math.max(...scenarios.map(({ clients }) => clients)) + spareDescriptors;
  const limit = descriptorLimit();
  if (limit >= needed) return;
  throw new UsageError(
    `${needed} file descriptors are needed, ${limit} are allowed: ulimit -Hn ${needed} (as root), or fewer --clients`,
  );
}

function isAble({ servers, scenarios }: Options): (rival: Rival) => boolean {
  const wanted = new Set([...servers, ...scenarios.flatMap((scenario) => scenario.servers)]);
  return (rival) => {
    const obstacle = rival.obstacle();
    if (obstacle === undefined) return true;
    if (wanted.size === 0 || wanted.has(rival.name)) say(colours.yellow(`${rival.name} is left out: ${obstacle}`));
    return false;
  };
}

/** Every server on every transport it has, in the order in which one round runs them. */
function jobs(scenario: Scenario, able: readonly Rival[], options: Options): Job[] {
  const names = options.servers.length > 0 ? options.servers : scenario.servers;
  const { bytes, publish, limitMs, stalled } = options;
  return able
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((rival) =>
      options.transports
        .filter((transport) => rival.transports.includes(transport))
        .map((transport) => ({ scenario, rival, transport, bytes, publish, limitMs, stalled, directory })),
    );
}

async function result(job: Job, round: number): Promise<Result> {
  const { scenario, transport } = job;
  const server = job.rival.name;
  say(colours.dim(`${scenario.name} #${round}  ${server} ${transport} …`));
  const done = { scenario, server, transport, round };
  try {
    const figures = await run(job, children);
    if (figures.closed > 0) say(colours.yellow(`  ${figures.closed} connections ended early: ${figures.reason}`));
    return { ...done, figures, failure: undefined };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(colours.red(`  ${failure}`));
    return { ...done, figures: undefined, failure };
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof UsageError ? colours.red(error.message) : String(error instanceof Error ? error.stack : error));
  process.exit(2);
});
