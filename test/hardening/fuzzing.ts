import { expect } from "vitest";
import { Dice } from "../support/dice.ts";
import { type Holdings, Inspector } from "../support/inspector.ts";
import { type Started, startSkein } from "../support/process.ts";
import { Wire } from "../support/wire.ts";
import { Witness } from "./witness.ts";

/** Nobody is refused for coming too often; channels and letters do not stay. */
const env = {
  NODE_OPTIONS: "--inspect=127.0.0.1:0",
  // Nobody here says anything for as long as a soak takes.
  SKEIN_IDLE_AFTER_MS: "1h",
  // Whoever went away without a word is noticed by the next ping.
  SKEIN_PING_EVERY_MS: "500",
  SKEIN_LINGER_MS: "50",
  SKEIN_LETTER_KEEP_MS: "1000",
  ...Object.fromEntries(
    ["CONNECTIONS", "CONNECTS", "SUBSCRIPTIONS", "SUBSCRIBES", "MESSAGES", "READS", "PUBLISHES", "PUBLISH_BYTES"].map(
      (name) => [`SKEIN_LIMIT_${name}`, "principal=0,address=0,org=0"],
    ),
  ),
};

const atOnce = 32;

export interface Fuzz {
  readonly count: number;
  readonly seed: number;
  /** What is sent on one connection, in pieces. */
  readonly makeCase: (dice: Dice) => readonly Buffer[];
  /** How long is waited for more when everything was sent and the connection is still open. */
  readonly patienceMs: number;
}

/**
 * Sends that many cases to a gateway of its own while a witness follows a stream.
 *
 * Gives how often which HTTP status was answered. Fails when the gateway crashed, reported a defect, answered 500, kept
 * memory or descriptors, or when the witness missed anything.
 */
export async function fuzz(fuzz: Fuzz): Promise<ReadonlyMap<string, number>> {
  await using gateway = await startSkein(["--data", ":memory:"], { env });
  const statuses = new Map<string, number>();
  const warm = Math.ceil(fuzz.count / 5);
  await sendAll(gateway, { ...fuzz, from: 0, to: warm }, statuses);
  const before = await holdingsOf(gateway);
  const witness = await Witness.begin(gateway, 2);
  await sendAll(gateway, { ...fuzz, from: warm, to: fuzz.count }, statuses);
  const { published, seen } = await witness.end();
  const all = Array.from({ length: published }, (_, i) => i + 1);
  expect(seen).toEqual([all, all]);
  await settles(gateway, before);
  expect(saidBy(gateway)).toBe("");
  return statuses;
}

interface Part extends Fuzz {
  readonly from: number;
  readonly to: number;
}

async function sendAll(gateway: Started, part: Part, statuses: Map<string, number>): Promise<void> {
  let next = part.from;
  const work = async () => {
    for (let i = next++; i < part.to; i = next++) {
      const dice = new Dice(part.seed * 1_000_003 + i);
      const chunks = part.makeCase(dice);
      const { patienceMs } = part;
      const text = await send(gateway.port, { chunks, from: addressOf(i), isReset: dice.chance(0.05), patienceMs });
      const found = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status = ""]) => status);
      for (const status of found) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const isOurFault = found.includes("500") || text.includes('"code":"internal"');
      if (isOurFault) throw await defect(gateway, `Case ${i} of seed ${part.seed}: ${written(chunks)}`);
    }
  };
  const died = gateway.run.exit.then(() => {
    throw new Error(`The gateway died after case ${next} of seed ${part.seed}:\n${saidBy(gateway)}`);
  });
  await Promise.race([died, Promise.all(Array.from({ length: atOnce }, work))]);
}

/** What a case did to the gateway, in the gateway's own words. */
async function defect(gateway: Started, what: string): Promise<Error> {
  await gateway.run.until(() => saidBy(gateway) !== "");
  return new Error(`${what}\n${saidBy(gateway)}`);
}

/** Each case has an address of its own, so that ports do not run out. */
function addressOf(i: number): string {
  return `127.0.${1 + (Math.floor(i / 250) % 250)}.${1 + (i % 250)}`;
}

function written(chunks: readonly Buffer[]): string {
  return JSON.stringify(chunks.map((chunk) => chunk.toString("latin1"))).slice(0, 3000);
}

interface Sending {
  readonly chunks: readonly Buffer[];
  readonly from: string;
  readonly isReset: boolean;
  readonly patienceMs: number;
}

async function send(port: number, { chunks, from, isReset, patienceMs }: Sending): Promise<string> {
  using wire = new Wire(port, from);
  for (const chunk of chunks) {
    await wire.send(chunk);
    if (chunks.length > 1) await new Promise(setImmediate);
  }
  if (isReset) wire.socket.resetAndDestroy();
  const timer = setTimeout(() => wire.socket.end(), patienceMs);
  // An event stream with enough requests behind it goes on for a client that only says that it sends no more.
  const last = setTimeout(() => wire.socket.destroy(), 50 * patienceMs);
  await wire.closed;
  clearTimeout(timer);
  clearTimeout(last);
  return wire.text;
}

/** What it wrote to its standard error besides what an inspector writes. */
function saidBy({ run: { stderr } }: Started): string {
  return stderr.replace(/^(Debugger |For help|Starting inspector).*\n/gm, "");
}

/** A process that is inspected would not die of its defects, so nobody looks for longer than it takes. */
async function holdingsOf({ run: { stderr } }: Started): Promise<Holdings> {
  const inspector = await Inspector.open(stderr);
  const holdings = await inspector.holdings();
  inspector.close();
  return holdings;
}

/** Waits until the gateway holds no more than before, but for what a runtime keeps for itself. */
async function settles(gateway: Started, before: Holdings): Promise<void> {
  for (;;) {
    const { heapBytes, descriptors } = await holdingsOf(gateway);
    if (descriptors <= before.descriptors + 8 && heapBytes < before.heapBytes + 16 * 2 ** 20) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
