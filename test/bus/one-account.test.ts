import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { usersOf } from "../../src/bus/layout.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { confFor } from "../support/locked-nats.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { flags, layout, replies, Siege, victims } from "./attacker.ts";
import { onOneAccount } from "./one-account.ts";
import { bytes, stateOf } from "./recorder.ts";
import { makeStreams, readStates } from "./stream-states.ts";
import { Visitor } from "./visitor.ts";

describe("On one account that all share, whatever the permissions of its users are,", () => {
  let siege: Siege;
  beforeAll(async () => {
    siege = await Siege.begin(onOneAccount(confFor(flags)));
  });
  afterAll(() => siege[Symbol.asyncDispose]());

  test("a publisher overwrites rows of other orgs, revocations, letters and tickets, by the place of an answer", async () => {
    const user = usersOf(layout).find(({ name }) => name === "acme-publisher");
    if (!user) throw new Error("There is no publisher");
    await using visitor = await Visitor.connect(siege.locked, user.name);
    const changes = await siege.changesOf(user, async () => {
      for (const reply of replies) visitor.nats.publish("skein.acme.runs.a", '{"seq":1}', { reply });
      await siege.settled(visitor, user);
    });
    const lost = victims.filter((subject) => changes.includes(subject));
    for (const tail of ["letters.v", "revoked.jti.v", "revoked.all", "tickets.v", "rejected.runs.v", "instances.v"]) {
      expect(lost).toContain(`skein.beta.${tail}`);
    }
    expect(lost).toContain("skein.acme.managed.v");
  });

  test("no stream is purged all the same, because none allows it", async () => {
    await using visitor = await Visitor.connect(siege.locked, "acme-publisher");
    const before = await readStates(siege.admin, layout);
    for (const name of Object.keys(before.streams)) {
      visitor.nats.publish("skein.acme.runs.a", "{}", { reply: `$JS.API.STREAM.PURGE.${name}` });
    }
    await visitor.nats.request("skein.acme.runs.a", "{}");
    const after = await readStates(siege.admin, layout);
    expect(Object.keys(after.places)).toEqual(expect.arrayContaining(Object.keys(before.places)));
    expect(Object.keys(before.places).length).toBeGreaterThan(victims.length / 2);
  });
});

test("The configuration for development protects nothing: who reaches it revokes, reads letters and deletes streams", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skein-dev-"));
  const file = join(folder, "nats.conf");
  copyFileSync(fileURLToPath(new URL("../../nats.conf", import.meta.url)), file);
  const server = await startNatsServer({ config: { file, env: {} } });
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await stateOf(bus, "up");
  await makeStreams(bus);
  const letters = await bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
  await letters.put("skein.beta.letters.l1", bytes("for your eyes only"));
  const visitor = await connect({ servers: `127.0.0.1:${server.port}` });
  const ask = async (verb: string, body = "") => (await visitor.request(`$JS.API.${verb}`, body)).json();
  expect((await visitor.request("skein.beta.revoked.all", "{}")).json()).toMatchObject({ stream: "SKEIN_REVOKED" });
  const read = await ask("STREAM.MSG.GET.SKEIN_LETTERS", '{"last_by_subj":"skein.beta.letters.l1"}');
  expect(read).toMatchObject({ message: { data: Buffer.from("for your eyes only").toString("base64") } });
  expect(await ask("STREAM.PURGE.SKEIN_REVOKED")).toMatchObject({ error: { code: 500 } });
  expect(await ask("STREAM.DELETE.SKEIN_REVOKED")).toMatchObject({ success: true });
  await visitor.close();
  await bus.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});
