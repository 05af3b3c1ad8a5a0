import { afterAll, beforeAll, expect, test } from "vitest";
import { hearProbes, publishProbes } from "../../src/bus/layout-probes.ts";
import { Probe } from "../../src/bus/probe.ts";
import { confFor } from "../support/locked-nats.ts";
import { flags, layout, Siege } from "./attacker.ts";
import { readStates } from "./stream-states.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.begin(confFor(flags));
});
afterAll(() => siege[Symbol.asyncDispose]());

test("A probe changes nothing, also as a user who may do everything", async () => {
  await using probe = await Probe.open(siege.locked.optionsOf("admin"));
  const before = await readStates(siege.admin, layout);
  const [subjects, patterns] = [publishProbes(layout), hearProbes(layout)];
  // Each would purge, delete or overwrite something, were its body not nonsense.
  expect(subjects).toContain("$JS.API.STREAM.PURGE.SKEIN_REVOKED");
  expect(subjects).toContain("$JS.API.STREAM.DELETE.SKEIN_RUNS");
  expect(subjects).toContain("skein.beta.letters.skein-check");
  expect(await probe.publishable(subjects)).toEqual(subjects);
  expect(await probe.audible(patterns)).toEqual(patterns);
  expect(await readStates(siege.admin, layout)).toEqual(before);
});

test("A probe says what of the subjects its user may publish and hear, and that the word of JetStream comes back", async () => {
  await using probe = await Probe.open(siege.locked.optionsOf("acme-publisher"));
  const subjects = ["skein.acme.runs.a", "skein.beta.runs.a", "skein.acme.managed.a"];
  expect(await probe.publishable(subjects)).toEqual(["skein.acme.runs.a"]);
  expect(await probe.audible(["_INBOX.acme-publisher.>", "skein.acme.runs.*"])).toEqual(["_INBOX.acme-publisher.>"]);
  const refusal = { error: { err_code: 10060 } };
  expect(await probe.acknowledgement("skein.acme.runs.a")).toMatchObject(refusal);
  expect(await probe.isAnswerStored("skein.acme.runs.new", "skein.acme.runs.newer")).toBe(false);
});
