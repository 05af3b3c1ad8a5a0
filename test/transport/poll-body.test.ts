import fc from "fast-check";
import { expect, test } from "vitest";
import { Frame } from "../../src/protocol/frame.ts";
import { PollBodies, PollBody } from "../../src/transport/poll-body.ts";

test("The body of a poll is the JSON array of its frames, in whatever pieces it is written", async () => {
  const text = fc.oneof(
    fc.string(),
    fc.integer({ min: 0, max: 200_000 }).map((length) => "é".repeat(length)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 20 }), async (texts) => {
      const frames = texts.map((one) => new Frame({ type: "t", one }));
      const body = new PollBody(frames);
      const sent = await new Response(body.content()).bytes();
      expect(Buffer.from(sent).toString()).toBe(`[${frames.map(({ json }) => json).join(",")}]`);
      expect(sent.length).toBe(body.size);
      const again = new Response(body.content());
      expect((await again.bytes()).length).toBe(body.size);
    }),
    { numRuns: 50 },
  );
});

test("Its entity tag tells bodies apart, and is made once", () => {
  const bodies = new PollBodies();
  const frames = [new Frame({ type: "a" })];
  expect(bodies.has(frames)).toBe(false);
  expect(bodies.of(frames)).toBe(bodies.of(frames));
  expect(bodies.of(frames).etag).toBe(new PollBody([new Frame({ type: "a" })]).etag);
  expect(bodies.of(frames).etag).not.toBe(bodies.of([new Frame({ type: "b" })]).etag);
});
