// npm run bench floods [-- --seconds 5 --json]: what one address that floods a gateway costs those at another.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Witness } from "../test/hardening/witness.ts";
import { type Started, startSkein } from "../test/support/process.ts";
import { sleep } from "./clock.ts";
import { table } from "./report.ts";

const help = `What one address that floods a gateway costs those at another, on this machine.

  npm run bench floods [-- options]

  --seconds 5   how long each is measured
  --json        figures as JSON
  --help        this text

  Somebody publishes to a gateway and follows the same run, a frame every 10 ms. Meanwhile another address begins 2,000 handshakes and ends none
  of them, or connects, subscribes or publishes as fast as 64 connections can. Three times, medians. The gateway lets an address connect and
  subscribe 20 times a second and publish 200 times; half-open handshakes are as they are by default.

  p50, p99   from the publish to the frame on a WebSocket, in milliseconds
  alone      nobody floods
  beside     the flood goes to another gateway on this machine: what it takes of two cores
  under      the flood goes to this gateway
  ÷ beside   p99 under the flood by p99 beside it: what the gateway itself adds
  refused    by limit, as the metrics of the gateway say
`;

const kinds = ["half-open", "connects", "subscriptions", "publishes"] as const;
const rounds = 3;
/** What an address may do a second; where connects are what is limited, no subscription ever is. */
const limits: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  "half-open": [],
  connects: ["connects=address=20"],
  subscriptions: ["connects=address=0", "subscribes=address=20"],
  publishes: ["publishes=address=200"],
};
/** How long everything runs before it is measured. */
const warmUpMs = 2000;

interface Figures {
  readonly p50: number;
  readonly p99: number;
}

/** Who is flooded while somebody at the first of two gateways is watched. */
type Target = "alone" | "beside" | "under";
const targets: readonly Target[] = ["alone", "beside", "under"];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(help);
} else {
  const rows = [];
  for (const kind of kinds) rows.push(await measure(kind));
  const columns = ["flood", "alone p50", "p99", "beside p50", "p99", "under p50", "p99", "÷ beside", "refused"];
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(columns, rows.map(textOf)));
}

async function measure(kind: (typeof kinds)[number]) {
  const runs: Record<Target, Figures[]> = { alone: [], beside: [], under: [] };
  let refused = {};
  const flags = ["--data", ":memory:", ...limits[kind].map((limit) => `--limit-${limit}`)];
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      await using gateway = await startSkein(flags);
      await using other = await startSkein(flags);
      const flooded = { alone: undefined, beside: other, under: gateway }[target];
      runs[target].push(await watch(gateway, flooded && flooding(kind, flooded.port)));
      if (target === "under") refused = await refusedBy(gateway);
    }
  }
  const medians = Object.fromEntries(targets.map((target) => [target, medianOf(runs[target])]));
  return { flood: kind, ...medians, refused } as { flood: string; refused: object } & Record<Target, Figures>;
}

function flooding(kind: string, port: number): ChildProcess {
  return fork(new URL("./flood-load.ts", import.meta.url), [kind, String(port)]);
}

/** Follows what is published, once the flood has begun; throws when something does not come. */
async function watch(gateway: Started, flood: ChildProcess | undefined): Promise<Figures> {
  const witness = await Witness.begin(gateway, 10);
  await sleep(warmUpMs);
  const before = witness.published;
  await sleep(Number(values.seconds) * 1000);
  const { published, seen, tookMs } = await witness.end();
  flood?.kill("SIGKILL");
  if (flood) await once(flood, "exit");
  if (seen.some(({ length }) => length !== published)) throw new Error("Somebody did not get every frame");
  const sorted = tookMs.slice(before).toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

async function refusedBy({ url }: Started): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.matchAll(/^skein_limited_total\{limit="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, limit = "", count]) => [limit, Number(count)]));
}

function medianOf(runs: readonly Figures[]): Figures {
  const of = (figure: keyof Figures) =>
    runs.map((run) => run[figure]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] ?? Number.NaN;
  return { p50: of("p50"), p99: of("p99") };
}

function textOf({ flood, refused, ...by }: Awaited<ReturnType<typeof measure>>): string[] {
  const figures = targets.flatMap((target) => [by[target].p50.toFixed(2), by[target].p99.toFixed(2)]);
  const said = Object.entries(refused).map(([limit, count]) => `${limit} ${count}`);
  return [flood, ...figures, (by.under.p99 / by.beside.p99).toFixed(2), said.join(", ")];
}
