import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus, BusState } from "../bus/bus.ts";
import { openEmbeddedBus } from "../bus/embedded.ts";
import { openNatsBus } from "../bus/nats.ts";
import { type Config, maskSecrets } from "../config.ts";
import type { Report } from "../protocol/background.ts";
import { systemClock } from "../protocol/clock.ts";
import { Explained, explained, log, messageOf } from "./explained.ts";

/** How long a start waits for the bus before it says that it does. */
const firstContactMs = 1000;

/**
 * Opens the bus that the configuration names, and says on standard error when it goes away and comes back.
 *
 * Throws Explained when it cannot be opened, say because a file with credentials or certificates cannot be used. A NATS server that does not answer yet is waited for a moment, and then said.
 */
export async function openBus(config: Config, onException: Report): Promise<OpenedBus> {
  const bus = await explained(open(config, onException));
  await firstContact(bus);
  const hush = bus.onState((state) => log(news[state]));
  if (bus.state === "away") log(`NATS does not answer yet at ${maskSecrets(config.nats ?? "")}; still trying`);
  return {
    bus,
    close: () => {
      hush();
      return bus.close();
    },
  };
}

interface OpenedBus {
  readonly bus: Bus;
  /** Lets go of the bus without calling that an absence. */
  close(): Promise<void>;
}

async function open(config: Config, onException: Report): Promise<Bus> {
  const { nats, natsInbox, data } = config;
  if (nats !== undefined) {
    const { creds, certificates } = natsFiles(config);
    const report = eachOnce(log);
    const inboxPrefix = natsInbox;
    return openNatsBus({ url: nats, creds, certificates, inboxPrefix, clock: systemClock, report, onException });
  }
  for (const knob of fileKnobs) {
    if (config[knob] === undefined) continue;
    throw new Explained(`${knob} is set, but no NATS server: name one with --nats or NATS_URL, or leave ${knob} out`);
  }
  const file = data === ":memory:" ? data : join(data, "skein.db");
  return openEmbeddedBus({ file, clock: systemClock, report: eachOnce(log), onException });
}

/** What is in the files that say who connects to NATS. Throws Explained when one cannot be read. */
export function natsFiles(config: Config) {
  const certificates = {
    ca: contentOf(config, "natsCa"),
    cert: contentOf(config, "natsCert"),
    key: contentOf(config, "natsKey"),
  };
  return { creds: contentOf(config, "natsCreds"), certificates };
}

const fileKnobs = ["natsCreds", "natsCa", "natsCert", "natsKey"] as const;

/** The text of the file that a knob names. */
function contentOf(config: Config, knob: (typeof fileKnobs)[number]): string | undefined {
  const file = config[knob];
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    throw new Explained(`The file ${file} (${knob}) ${unreadable[code] ?? `cannot be read: ${messageOf(thrown)}`}`);
  }
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by the user of this process",
  EISDIR: "is a directory",
};

const news: Record<BusState, string> = {
  up: "the bus is up",
  away: "the bus is away; serving what is known until it is back",
};

/** Waits a moment for the bus, so that the usual start, with NATS there, says nothing of waiting. */
async function firstContact(bus: Bus): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = bus.onState(() => resolve());
  const spare = systemClock.after(firstContactMs, resolve);
  if (bus.state === "up") resolve();
  await promise;
  spare();
  stop();
}

const sayAgainAfterMs = 10 * 60_000;
const mostRemembered = 100;

/** Says a thing once in ten minutes, however often it comes, also when several come in turns. */
export function eachOnce(say: (text: string) => void): (text: string) => void {
  const saidAtMs = new Map<string, number>();
  return (text) => {
    const now = systemClock.now();
    if (now - (saidAtMs.get(text) ?? Number.NEGATIVE_INFINITY) < sayAgainAfterMs) return;
    if (saidAtMs.size >= mostRemembered) saidAtMs.clear();
    saidAtMs.set(text, now);
    say(text);
  };
}
