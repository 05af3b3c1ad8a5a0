import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { busContract } from "./contract.ts";
import { stateOf } from "./recorder.ts";

busContract("The NATS bus", async () => {
  const server = await startNatsServer();
  const open = async () => {
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await stateOf(bus, "up");
    return bus;
  };
  return { open, end: () => server.stop() };
});
