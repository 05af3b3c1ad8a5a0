import { join } from "node:path";
import pc from "picocolors";
import type { Bus } from "../bus/bus.ts";
import { type Config, maskSecrets } from "../config.ts";
import { type Listening, listen } from "../server.ts";
import { createSkein } from "../skein.ts";
import { startLogsAgent } from "./agent.ts";
import { openBus } from "./bus.ts";
import { Explained, explained } from "./explained.ts";
import { type Household, householdOf, runNode } from "./node.ts";
import { endOnSignal } from "./signals.ts";

const loopback = /^(?:localhost|127\.|::1$|\[::1\]$)/;

/** Starts a gateway and serves until a signal ends it. Throws Explained when it cannot. */
export async function start(config: Config): Promise<void> {
  refuseOpenNetwork(config);
  const household = householdOf(config);
  const opened: (() => Promise<void> | void)[] = [() => household?.clear()];
  const close = async () => {
    for (const one of opened.toReversed()) await one();
  };
  try {
    const { bus, close: closeBus } = await openBus(config);
    opened.push(closeBus);
    const logs = config.logs ?? (household && join(household.logs, "{name}.log"));
    const agent = logs === undefined ? undefined : await startLogsAgent(bus, { ...config, logs });
    opened.push(async () => agent?.close());
    const { url, close: unlisten } = await explained(serve(bus, config));
    opened.push(() => unlisten(config.drainMs));
    const node = household && (await runNode(bus, household, { org: config.org, url }));
    const leave = async () => {
      // Otherwise the port is closed before anything is said: who hears the good-bye finds nobody here.
      if (household?.isTemporary) await node?.settle();
      await unlisten(config.drainMs);
      await node?.close();
      await agent?.close();
      await closeBus();
    };
    endOnSignal(leave, `${farewell(household)} within ${config.drainMs / 1000} s; a second signal leaves at once`);
    process.stdout.write(banner(url, { ...config, logs }));
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function farewell(household: Household | undefined): string {
  if (household === undefined) return "saying good-bye";
  if (household.isTemporary) return "stopping the instances, then saying good-bye";
  return "leaving the instances to run, which the next start takes up, and saying good-bye";
}

async function serve(bus: Bus, config: Config): Promise<Listening> {
  const skein = createSkein({ bus, limits: config, report: (fault) => console.error(fault) });
  await skein.start();
  return listen(skein, config);
}

/** In mode `open` everyone may do everything, so only this machine may reach it unless somebody insists. */
function refuseOpenNetwork({ host, openToNetwork }: Config): void {
  if (loopback.test(host) || openToNetwork) return;
  throw new Explained(
    `Host ${host} would open this gateway to the network without any authentication. ` +
      "Listen on 127.0.0.1, or add --open-to-network true when something in front of it keeps strangers out.",
  );
}

function banner(url: string, { nats, data, logs }: Config): string {
  const bus = nats === undefined ? `embedded, ${data === ":memory:" ? "in memory" : `in ${data}`}` : maskSecrets(nats);
  const body = `'{"status":"running","port":18801,"pid":4711}'`;
  const files = logs === undefined ? "" : `, logs ${logs}`;
  return `
  ${pc.bold("Skein")} is at ${pc.cyan(url)}, bus ${bus}${files}

  ${pc.dim("Follow ")}  curl -N ${url}/sse/instances
  ${pc.dim("Publish")}  curl ${url}/api/publish/instances/agent-1 -d ${body}
  ${pc.dim("Open   ")}  ${pc.cyan(`${url}/`)}

`;
}
