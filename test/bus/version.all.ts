import { connect } from "nats";
import { expect, test } from "vitest";
import { startNatsServer } from "../support/nats-server.ts";

test("These tests run against the version of nats-server that their project is named after", async () => {
  const server = await startNatsServer();
  const nats = await connect({ servers: `127.0.0.1:${server.port}` });
  expect(nats.info?.version).toBe(process.env.NATS_SERVER_VERSION);
  await nats.close();
  await server.stop();
});
