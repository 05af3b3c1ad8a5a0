import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { type ListenOptions, listen } from "../../src/server.ts";
import { createSkein } from "../../src/skein.ts";
import { protocolLimits } from "./gateway.ts";

/** A gateway in this process, over a bus in memory, listening as a test wants it to. */
export interface Door extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What it reported as its own defects. */
  readonly faults: readonly unknown[];
}

/** Starts a gateway that listens on any free port of loopback. */
export async function startListening(options: Partial<ListenOptions>): Promise<Door> {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  const faults: unknown[] = [];
  const skein = createSkein({ bus, limits: protocolLimits, report: (fault) => void faults.push(fault) });
  await skein.start();
  const { url, close } = await listen(skein, { host: "127.0.0.1", port: 0, ...options });
  return {
    url,
    port: Number(new URL(url).port),
    faults,
    async [Symbol.asyncDispose]() {
      await close(0);
      await bus.close();
    },
  };
}
