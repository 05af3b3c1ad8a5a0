import { connect } from "nats";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import type { Gateway } from "../support/gateway.ts";
import { type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { stateOf } from "./recorder.ts";

let locked: LockedNats;
/** What NATS refused a gateway. */
const troubles: string[] = [];
beforeAll(async () => {
  locked = await startLockedNats();
});
afterAll(async () => {
  await locked[Symbol.asyncDispose]();
  expect(troubles).toEqual([]);
});

// The contract of the transports below is kept on a bus in memory. Here every gateway of it is a real one on the NATS of the
// configuration for production, connected as its restricted user.
vi.mock(import("../support/gateway.ts"), async (original) => {
  const support = await original();
  return {
    ...support,
    async startGateway(options): Promise<Gateway> {
      await deleteStreams();
      const bus = await openNatsBus({ ...locked.optionsOf("gateway"), report: (words) => troubles.push(words) });
      await stateOf(bus, "up");
      const gateway = await support.startGateway({ bus, ...options });
      const close = (drainMs?: number) => gateway.close(drainMs).then(() => bus.close());
      const publish: Gateway["publish"] = async (tail, ...said) => {
        const position = await gateway.publish(tail, ...said);
        if (tail.startsWith("instances/")) await untilRead(gateway.url, position);
        return position;
      };
      return { ...gateway, publish, close, [Symbol.asyncDispose]: close };
    },
  };
});

/** Settles when a gateway has read the table as far as that: on NATS a row is stored before anybody has read it. */
async function untilRead(url: string, position: number): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/poll/instances`);
    const cursor = response.headers.get("skein-cursor");
    await response.text();
    if (Number(cursor?.split("-")[1]) >= position) return;
  }
}

/** What the test before has stored. */
async function deleteStreams(): Promise<void> {
  const nats = await connect({
    servers: [`127.0.0.1:${locked.server.port}`],
    user: "admin",
    pass: locked.secrets.passwordOf("admin"),
    tls: locked.secrets.certificatesOf("admin"),
  });
  const { streams } = (await nats.request("$JS.API.STREAM.NAMES")).json<{ streams: string[] | null }>();
  for (const stream of streams ?? []) await nats.request(`$JS.API.STREAM.DELETE.${stream}`);
  await nats.close();
}

await import("../transport/contract.test.ts");
