import { afterAll, beforeAll } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";

/** What publishers publish to: a NATS server, and a gateway on it. */
export interface Stage {
  readonly server: NatsServer;
  readonly gateway: Gateway;
}

/** Sets a stage for all tests of a file; it is there when they begin. */
export function setStage(): Stage {
  const ends: (() => Promise<unknown>)[] = [];
  const stage: Partial<{ server: NatsServer; gateway: Gateway }> = {};
  beforeAll(async () => {
    const server = await startNatsServer();
    ends.push(() => server.stop());
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    ends.push(() => bus.close());
    await isUp(bus);
    const gateway = await startGateway({ bus });
    ends.push(() => gateway.close());
    Object.assign(stage, { server, gateway });
  });
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });
  return {
    get server() {
      return there(stage.server);
    },
    get gateway() {
      return there(stage.gateway);
    },
  };
}

function there<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("The stage is set before the first test");
  return part;
}
