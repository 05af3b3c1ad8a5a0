import { join } from "node:path";
import pc from "picocolors";
import type { Bus, BusState } from "../bus/bus.ts";
import { openEmbeddedBus } from "../bus/embedded.ts";
import { openNatsBus } from "../bus/nats.ts";
import { type Config, maskSecrets } from "../config.ts";
import { systemClock } from "../protocol/clock.ts";
import { type Listening, listen } from "../server.ts";
import { createSkein } from "../skein.ts";
import { Explained, messageOf } from "./explained.ts";

/** How long a start waits for the bus before it says that it does. */
const firstContactMs = 1000;

const loopback = /^(?:localhost|127\.|::1$|\[::1\]$)/;

/** Starts a gateway and serves until a signal ends it. Throws Explained when it cannot. */
export async function start(config: Config): Promise<void> {
  refuseOpenNetwork(config);
  const bus = await openBus(config);
  await firstContact(bus);
  const hush = bus.onState((state) => log(news[state]));
  const close = () => {
    hush();
    return bus.close();
  };
  try {
    const listening = await explained(serve(bus, config));
    endOnSignal(() => listening.close(config.drainMs).then(close), config);
    process.stdout.write(banner(listening.url, config));
    if (bus.state === "away") log(`NATS does not answer yet at ${maskSecrets(config.nats ?? "")}; still trying`);
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

const news: Record<BusState, string> = {
  up: "the bus is up",
  away: "the bus is away; serving what is known until it is back",
};

/** Waits a moment for the bus, so that the usual start, with NATS there, says nothing of waiting. */
async function firstContact(bus: Bus): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = bus.onState(() => resolve());
  const timer = setTimeout(resolve, firstContactMs);
  if (bus.state === "up") resolve();
  await promise;
  clearTimeout(timer);
  stop();
}

/** In mode `open` everyone may do everything, so only this machine may reach it unless somebody insists. */
function refuseOpenNetwork({ host, openToNetwork }: Config): void {
  if (loopback.test(host) || openToNetwork) return;
  throw new Explained(
    `Host ${host} would open this gateway to the network without any authentication. ` +
      "Listen on 127.0.0.1, or add --open-to-network true when something in front of it keeps strangers out.",
  );
}

async function openBus({ nats, data }: Config): Promise<Bus> {
  if (nats !== undefined) return explained(openNatsBus({ url: nats, clock: systemClock, report: eachOnce(log) }));
  const file = data === ":memory:" ? data : join(data, "skein.db");
  return explained(openEmbeddedBus({ file, clock: systemClock, report: eachOnce(log) }));
}

async function explained<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (thrown) {
    throw new Explained(advice(thrown));
  }
}

function advice(thrown: unknown): string {
  const { code, address, port } = thrown as { code?: string; address?: string; port?: number };
  if (code === "EADDRINUSE") return `Port ${port} is in use; choose another with --port, or 0 for any`;
  if (code === "EADDRNOTAVAIL") return `This machine has no address ${address}; choose another with --host`;
  if (code === "EACCES") return `Port ${port} needs more rights; choose one above 1023 with --port`;
  return messageOf(thrown);
}

function banner(url: string, { nats, data }: Config): string {
  const bus = nats === undefined ? `embedded, ${data === ":memory:" ? "in memory" : `in ${data}`}` : maskSecrets(nats);
  const body = `'{"status":"running","port":18801,"pid":4711}'`;
  return `
  ${pc.bold("Skein")} is at ${pc.cyan(url)}, bus ${bus}

  ${pc.dim("Follow ")}  curl -N ${url}/sse/instances
  ${pc.dim("Publish")}  curl ${url}/api/publish/instances/agent-1 -d ${body}
  ${pc.dim("Open   ")}  ${pc.cyan(`${url}/`)}

`;
}

/** The first signal says good-bye to every client; the second one leaves at once. */
function endOnSignal(leave: () => Promise<void>, { drainMs }: Config): void {
  let isEnding = false;
  const end = async () => {
    if (isEnding) process.exit(130);
    isEnding = true;
    const left = leave();
    log(`saying good-bye within ${drainMs / 1000} s; a second signal leaves at once`);
    await left;
    process.exit(0);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

/** Says a thing once, however often it comes in a row. */
function eachOnce(say: (text: string) => void): (text: string) => void {
  let last = "";
  return (text) => {
    if (text !== last) say(text);
    last = text;
  };
}

function log(text: string): void {
  process.stderr.write(`skein: ${text}\n`);
}
