import { expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { journalOf } from "../../src/stream/subject.ts";
import { runs } from "../../src/streams/runs.ts";
import { isUp } from "../support/buses.ts";
import { type Client, follow, type Transport } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { layWire, type Wire } from "../support/proxy.ts";

const minutes = Number(process.env.SOAK_MINUTES ?? 10);
const clients = 40;

/** A client that comes back whenever it is cut, and keeps only the numbers of what it got. */
class Stubborn {
  readonly numbers: number[] = [];
  readonly #wire: Wire;
  readonly #run: string;
  readonly #transport: Transport;
  #client: Client | undefined;
  #isOver = false;

  constructor(wire: Wire, run: string, transport: Transport) {
    this.#wire = wire;
    this.#run = run;
    this.#transport = transport;
  }

  async follow(): Promise<void> {
    let since = "";
    while (!this.#isOver) {
      const client = follow(this.#transport, this.#wire.url, `runs/${this.#run}${since}`);
      this.#client = client;
      await client.ended;
      const { frames } = client;
      if (frames[0]?.type === "snapshot" && this.numbers.length > 0 && frames[0].reason === undefined) {
        throw new Error("A client that came back with a cursor was greeted as if it were new");
      }
      if (frames[0]?.type === "snapshot") this.numbers.length = 0;
      for (const { n } of frames) if (typeof n === "number") this.numbers.push(n);
      since = client.cursor === undefined ? since : `?since=${client.cursor}`;
    }
  }

  /** Waits for the last frame and stays away. */
  async finish(last: number): Promise<void> {
    while (!this.numbers.includes(last)) {
      if (this.#client?.frames.some(({ n }) => n === last)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#isOver = true;
    this.#client?.close();
  }
}

async function publish({ url }: Gateway, run: string, n: number): Promise<void> {
  const headers = { "Idempotency-Key": `n${n}` };
  const body = JSON.stringify({ type: "task_end", n });
  for (;;) {
    const answer = await fetch(`${url}/api/publish/runs/${run}`, { method: "POST", body, headers });
    await answer.body?.cancel();
    if (answer.ok) return;
    expect(answer.status).toBe(503);
  }
}

test(`For ${minutes} minutes of kill -9, cut wires and publishing, no client misses a frame and memory stays`, async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  await using gateway = await startGateway({ bus });
  await using wire = await layWire(gateway.url);
  const journal = await bus.journal(journalOf(runs));
  const end = Date.now() + minutes * 60_000;
  const memory: number[] = [];
  for (let round = 1; Date.now() < end; round++) {
    const run = `r${round}`;
    const crowd = Array.from({ length: clients }, (_, i) => new Stubborn(wire, run, i % 2 === 0 ? "ws" : "sse"));
    const following = crowd.map((client) => client.follow());
    for (let n = 1; n <= 1500; n++) {
      await publish(gateway, run, n);
      if (n % 250 === 0) wire.cut();
      if (n % 700 === 0) await server.restart();
    }
    await Promise.all(crowd.map((client) => client.finish(1500)));
    await Promise.all(following);
    const stored = await journal.read({ subject: `skein.default.runs.${run}`, after: 0, upTo: 1e12, limit: 1e9 });
    const truth = stored.messages.map(({ data }) => JSON.parse(new TextDecoder().decode(data)).n);
    for (const { numbers } of crowd) expect(numbers).toEqual(truth);
    memory.push(Math.round(process.memoryUsage().rss / 2 ** 20));
    console.log(`round ${round}: ${clients} clients had all ${truth.length} frames in order; ${memory.at(-1)} MB`);
  }
  // The first rounds warm everything up; from then on what is held must not grow with what has happened.
  const [early = 0, late = 0] = [memory[Math.min(2, memory.length - 1)], memory.at(-1)];
  expect(late).toBeLessThan(early * 1.5 + 50);
  await bus.close();
  await server.stop();
});
