import pc from "picocolors";
import type { Bus } from "../bus/bus.ts";
import { type Config, maskSecrets } from "../config.ts";
import { type Listening, listen } from "../server.ts";
import { createSkein } from "../skein.ts";
import { startLogsAgent } from "./agent.ts";
import { openBus } from "./bus.ts";
import { Explained, explained } from "./explained.ts";
import { endOnSignal } from "./signals.ts";

const loopback = /^(?:localhost|127\.|::1$|\[::1\]$)/;

/** Starts a gateway and serves until a signal ends it. Throws Explained when it cannot. */
export async function start(config: Config): Promise<void> {
  refuseOpenNetwork(config);
  const { bus, close } = await openBus(config);
  try {
    const agent = config.logs === undefined ? undefined : await startLogsAgent(bus, config);
    const listening = await explained(serve(bus, config));
    const leave = async () => {
      await listening.close(config.drainMs);
      await agent?.close();
      await close();
    };
    endOnSignal(leave, `saying good-bye within ${config.drainMs / 1000} s; a second signal leaves at once`);
    process.stdout.write(banner(listening.url, config));
  } catch (thrown) {
    await close();
    throw thrown;
  }
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
