import { connect } from "nats";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { type NatsServer, type NatsServerOptions, startNatsServer } from "../support/nats-server.ts";
import { stateOf } from "./recorder.ts";
import { openWire, type Wire } from "./wire.ts";

/** What a test on NATS begins and has to end. */
export class Setup {
  readonly #ends: (() => Promise<void>)[] = [];

  async serve(options?: NatsServerOptions): Promise<NatsServer> {
    const server = await startNatsServer(options);
    this.#ends.push(() => server.stop());
    return server;
  }

  /** A bus that need not be up. */
  async open(url: string): Promise<Bus> {
    const bus = await openNatsBus({ url, clock: systemClock });
    this.#ends.push(() => bus.close());
    return bus;
  }

  async openUp(url: string): Promise<Bus> {
    const bus = await this.open(url);
    await stateOf(bus, "up");
    return bus;
  }

  async wire(port: number): Promise<Wire> {
    const wire = await openWire(port);
    this.#ends.push(() => wire.close());
    return wire;
  }

  /** Ends everything, last first. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
  }
}

/** A request to JetStream's API with nothing of ours in between. */
export async function jetstream(url: string, verb: string, body: object = {}): Promise<Record<string, unknown>> {
  const nats = await connect({ servers: url.replace("nats://", "") });
  const answer = await nats.request(`$JS.API.${verb}`, JSON.stringify(body), { timeout: 5_000 });
  await nats.close();
  return JSON.parse(answer.string());
}
