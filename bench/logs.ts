/** Measures following logs beside other programs that do: `node bench/logs.ts --help`. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import colours from "picocolors";
import { Children } from "./children.ts";
import { backlog } from "./logs/backlog.ts";
import { help } from "./logs/help.ts";
import { idle } from "./logs/idle.ts";
import { latency } from "./logs/latency.ts";
import { parseOptions } from "./logs/options.ts";
import { footer, json, type Measured, table } from "./logs/report.ts";
import { rotating } from "./logs/rotating.ts";
import type { Section, Stage } from "./logs/section.ts";
import { throughput } from "./logs/throughput.ts";
import { UsageError } from "./options.ts";

const sections: readonly Section[] = [throughput, rotating, latency, backlog, idle];

const children = new Children();
const root = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    sections.map(({ name }) => name),
  );
  if (options.help) return void process.stdout.write(help);
  if (process.platform !== "linux") throw new UsageError("This bench reads /proc: run it on Linux");
  const measured: Measured[] = [];
  for (const section of sections.filter(({ name }) => options.sections.includes(name))) {
    const directory = join(root, section.name);
    mkdirSync(directory);
    const one = await result(section, { children, directory, options, say: (text) => say(colours.dim(`${text} …`)) });
    measured.push(one);
    if (!options.json) process.stdout.write(`${table(one)}\n\n`);
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
  process.stdout.write(`${options.json ? json(measured) : footer()}\n`);
  process.exit(measured.some(({ failure }) => failure !== undefined) ? 1 : 0);
}

async function result(section: Section, stage: Stage): Promise<Measured> {
  try {
    return { section, rows: await section.run(stage), failure: undefined };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(colours.red(`  ${failure}`));
    await children.stop();
    return { section, rows: [], failure };
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof UsageError ? colours.red(error.message) : String(error instanceof Error ? error.stack : error));
  process.exit(2);
});
