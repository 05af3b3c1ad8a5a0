import { writeFileSync } from "node:fs";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { confFor, type LockedNats, productionConf, Secrets, startLockedNats } from "../support/locked-nats.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { stateOf } from "./recorder.ts";
import { Visitor } from "./visitor.ts";

const runs = { name: "runs", subjects: ["skein.*.runs.*"], keepMs: 7 * 86_400_000 };

let locked: LockedNats;
beforeAll(async () => {
  locked = await startLockedNats();
  const bus = await openNatsBus(locked.optionsOf("gateway"));
  await stateOf(bus, "up");
  await bus.journal(runs);
  await bus.close();
});
afterAll(() => locked[Symbol.asyncDispose]());

describe("The configuration for production", () => {
  test("is what skein nats-config prints for the org acme", () => {
    expect(productionConf).toBe(confFor({ org: ["acme"], agent: ["acme/planner"] }));
  });

  test("refuses who has no password or no TLS", async () => {
    const { server, secrets } = locked;
    const servers = [`127.0.0.1:${server.port}`];
    const tls = secrets.certificatesOf("gateway");
    const login = { servers, reconnect: false };
    await expect(connect({ ...login, tls })).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
    await expect(connect({ ...login, tls, user: "gateway" })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
    await expect(connect({ ...login, user: "gateway", pass: secrets.passwordOf("gateway") })).rejects.toThrow();
  });

  // Deno 2.9 may end the process when a server refuses its certificate.
  test.skipIf("Deno" in globalThis)("refuses who has no certificate", async () => {
    const { server, secrets } = locked;
    const login = { user: "gateway", pass: secrets.passwordOf("gateway"), reconnect: false };
    const tls = { ca: secrets.read("ca.pem") };
    await expect(connect({ ...login, servers: [`127.0.0.1:${server.port}`], tls })).rejects.toThrow();
  });

  test("takes a bcrypt hash for a password, which is not the password then", async () => {
    const secrets = new Secrets();
    const file = secrets.path("nats.conf");
    writeFileSync(file, productionConf);
    // Of the word "swordfish".
    const hash = "$2a$04$W2zko751KUvVy59mUTWmpO7pShvxu1R.HfgMCEUVh7V68C5PAm5xe";
    const env = { ...secrets.passwords, SKEIN_NATS_GATEWAY_PASSWORD: hash };
    const server = await startNatsServer({ config: { file, env } });
    const tls = secrets.certificatesOf("gateway");
    const login = { servers: [`127.0.0.1:${server.port}`], reconnect: false, tls, user: "gateway" };
    await (await connect({ ...login, pass: "swordfish" })).close();
    await expect(connect({ ...login, pass: hash })).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
    await server.stop();
    secrets.remove();
  });

  test("does not start while one of its passwords is missing", async () => {
    const { secrets } = locked;
    const env = { ...secrets.passwords, SKEIN_NATS_ACME_NODE_PASSWORD: undefined };
    const starting = startNatsServer({ config: { file: secrets.path("nats.conf"), env } });
    await expect(starting).rejects.toThrow("SKEIN_NATS_ACME_NODE_PASSWORD");
  });

  test("lets an admin delete a stream, which is there again for the next gateway", async () => {
    await using admin = await Visitor.connect(locked, "admin");
    const answer = await admin.nats.request("$JS.API.STREAM.DELETE.SKEIN_RUNS");
    expect(answer.json()).toMatchObject({ success: true });
    const other = await openNatsBus(locked.optionsOf("gateway"));
    await stateOf(other, "up");
    expect(await (await other.journal(runs)).bounds()).toMatchObject({ first: 1, last: 0 });
    await other.close();
  });
});
