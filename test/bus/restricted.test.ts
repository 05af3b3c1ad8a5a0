import { openNatsBus } from "../../src/bus/nats.ts";
import { startLockedNats, withStores } from "../support/locked-nats.ts";
import { busContract } from "./contract.ts";
import { stateOf } from "./recorder.ts";

/** As many stores as the contract makes, with room. */
const stores = Array.from({ length: 150 }, (_, i) => `store${i + 1}`);

busContract("The NATS bus over TLS, as the gateway of the configuration for production,", async () => {
  const nats = await startLockedNats(withStores(stores));
  const open = async () => {
    const bus = await openNatsBus(nats.optionsOf("gateway"));
    await stateOf(bus, "up");
    return bus;
  };
  return { open, end: async () => nats[Symbol.asyncDispose]() };
});
