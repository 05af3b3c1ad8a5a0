import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Courier } from "./courier.ts";
import { Fleet } from "./fleet.ts";
import { httpOutlet } from "./http.ts";
import { natsOutlet } from "./nats.ts";
import type { Outlet } from "./outlet.ts";
import { procScanner } from "./proc.ts";
import { psScan } from "./ps.ts";

const help = `Publishes the processes of this machine as instances of a fleet.

  node examples/host/main.ts [URL] [options]

  URL              the gateway (http://…) or its NATS server (nats://…); by default http://127.0.0.1:8000
  --org NAME       the organisation, over NATS; by default "default"
  --every MS       how often to look; by default 1000
  --once           look once, publish, leave the records there and end
  --help           this text
`;

const farewellMs = 1000;

/** What the command line asks for. */
interface Task {
  readonly url: URL;
  readonly org: string;
  readonly everyMs: number;
  readonly once: boolean;
}

const task = read(process.argv.slice(2));
if (task) await publishProcesses(task);

function read(args: string[]): Task | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        org: { type: "string", default: "default" },
        every: { type: "string", default: "1000" },
        once: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const [address = "http://127.0.0.1:8000", ...more] = positionals;
    const everyMs = Number(values.every);
    if (values.help) console.log(help);
    if (values.help) return undefined;
    if (more.length > 0) throw new Error(`One address is enough: what is ${more[0]}?`);
    if (!(everyMs >= 50 && everyMs <= 3_600_000)) throw new Error("--every takes milliseconds, from 50 to 3600000");
    return { url: readUrl(address), org: values.org, everyMs, once: values.once };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exitCode = 2;
    return undefined;
  }
}

function readUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && /^(nats|tls|https?):$/.test(url.protocol)) return url;
  throw new Error("An address begins with http://, https://, nats:// or tls://");
}

function open({ url, org }: Task): Promise<Outlet> {
  return url.protocol.startsWith("http") ? Promise.resolve(httpOutlet(url)) : natsOutlet(url, org);
}

async function publishProcesses(task: Task): Promise<void> {
  const scan = existsSync("/proc/self/stat") ? await procScanner() : psScan;
  const courier = new Courier(
    () => open(task),
    (message) => console.error(`host: ${message}`),
  );
  const fleet = new Fleet();
  if (task.once) {
    courier.take(fleet.update(await scan(), Date.now()));
    if ((await courier.deliver()) === "away") process.exitCode = 1;
  } else {
    const end = ending();
    while (!end.aborted) {
      const nextAt = performance.now() + task.everyMs;
      courier.take(fleet.update(await scan(), Date.now()));
      // A gateway that was away may have come back empty: it is told everything again.
      if ((await courier.deliver()) === "back") courier.take(fleet.all());
      await pause(nextAt - performance.now(), end);
    }
    // Nobody watches these processes any more, so nobody should claim to know how they are.
    courier.take(fleet.farewell());
    await Promise.race([courier.deliver(), sleep(farewellMs)]);
  }
  await courier.close();
  process.exit();
}

/** Aborted by the first signal; the second one ends the program as if nobody had listened. */
function ending(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => controller.abort());
  return controller.signal;
}

async function pause(ms: number, end: AbortSignal): Promise<void> {
  await sleep(Math.max(ms, 0), undefined, { signal: end }).catch(() => undefined);
}
