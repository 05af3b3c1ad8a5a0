import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { journalOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { Recorder } from "../bus/recorder.ts";
import { buses, Scene } from "./scene.ts";

const plaintext = "c0rrect horse!";
const dayMs = 24 * 60 * 60 * 1000;

/** A value with the plaintext in it somewhere. */
const planted = fc.constantFrom<unknown>(
  plaintext,
  [plaintext],
  { value: plaintext },
  { [plaintext]: 1 },
  `$NT$8846f7eaee8fb117:${plaintext}`,
);

/** A crack result as careless services publish them: with what was in the hash in fields of any name. */
const careless = fc
  .record({
    hash_type: fc.constant("NTLM"),
    count: fc.constant(1),
    more: fc.dictionary(
      fc.oneof(
        fc.constantFrom("plaintext", "plain", "password", "hash", "result", "html", "message", "name", "details"),
        fc.constantFrom("hash_type", "campaign_id", "count", "type", "timestamp", "id", "refresh_target", plaintext),
      ),
      planted,
      { minKeys: 1, maxKeys: 4 },
    ),
  })
  .map(({ more, ...rest }) => ({ type: "crack.submitted", ...rest, ...more }));

describe.each(buses)("What was in a cracked hash, published by mistake in whatever field, over %s,", (_, open) => {
  test("is in no frame, no report, no log and no metric", async () => {
    await using scene = await Scene.open(open);
    const said = [vi.spyOn(console, "log"), vi.spyOn(console, "error"), vi.spyOn(console, "warn")];
    const toasts = productStreams.find((stream) => stream.path === "live/toasts");
    if (toasts?.kind !== "feed") throw new Error("There are no toasts");
    const rejections = await scene.bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: dayMs });
    const rejected = new Recorder();
    rejections.follow(rejected);
    using live = scene.follow("ws", "live/toasts");
    await live.count(1);
    const journal = await scene.bus.journal(journalOf(toasts));
    const bodies = fc.sample(careless, { numRuns: 150, seed: 7 });
    for (const body of bodies) {
      await journal.append("skein.acme.cracks.k1", new TextEncoder().encode(JSON.stringify(body)));
    }
    const told = () => live.raw.length - 1 + rejected.messages.length;
    await vi.waitFor(() => expect(told()).toBe(bodies.length), { timeout: 10_000 });
    expect(live.raw.length).toBeGreaterThan(20);
    expect(rejected.messages.length).toBeGreaterThan(20);
    using again = scene.follow("sse", "live/toasts?recent=100");
    await again.count(2);
    const metrics = await (await fetch(`${scene.gateway.url}/metrics`)).text();
    const logged = said.flatMap(({ mock }) => mock.calls).join();
    for (const text of [live.raw.join(), again.raw.join(), rejected.bodies.join(), metrics, logged]) {
      expect(text).not.toContain(plaintext);
    }
  });

  test("comes back to nobody who publishes it over HTTP", async () => {
    await using scene = await Scene.open(open);
    for (const body of fc.sample(careless, { numRuns: 50, seed: 8 })) {
      const answer = await fetch(`${scene.gateway.url}/api/publish/cracks/k1`, {
        method: "POST",
        headers: { authorization: `Bearer ${scene.token}` },
        body: JSON.stringify(body),
      });
      expect(await answer.text()).not.toContain(plaintext);
    }
  });
});
