import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { startNatsServer } from "./nats-server.ts";

/** A bus of a test's own. */
export interface TestBus extends AsyncDisposable {
  readonly bus: Bus;
  /** Where its NATS server is; undefined on the embedded bus. */
  readonly url?: string;
}

/** Both buses, for what must hold on each. */
export const buses: readonly (readonly [name: string, open: () => Promise<TestBus>])[] = [
  ["the embedded bus", openEmbedded],
  ["NATS", openNats],
];

async function openEmbedded(): Promise<TestBus> {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  return { bus, [Symbol.asyncDispose]: () => bus.close() };
}

async function openNats(): Promise<TestBus> {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  if (bus.state === "away") await isUp(bus);
  return {
    bus,
    url: server.url,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await server.stop();
    },
  };
}

/** Settles when the bus is up again. */
export function isUp(bus: Bus): Promise<void> {
  return new Promise((resolve) => {
    if (bus.state === "up") return resolve();
    const stop = bus.onState((state) => {
      if (state !== "up") return;
      stop();
      resolve();
    });
  });
}
