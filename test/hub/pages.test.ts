import { expect, test } from "vitest";
import { Excerpt } from "../../src/hub/excerpt.ts";
import { Pages } from "../../src/hub/pages.ts";
import { buses } from "../support/buses.ts";

const subjects = ["skein.acme.attacks.a", "skein.acme.jobs.a"] as const;
const spec = { name: "excerpts", subjects: ["skein.*.attacks.*", "skein.*.jobs.*"], keepMs: 3_600_000 };

function body(size: number): Uint8Array {
  return new Uint8Array(size).fill(65);
}

test.each(buses)(
  "Those who ask for one page of the past at the same moment share one reading of it on %s",
  async (_, open) => {
    await using place = await open();
    const journal = await place.bus.journal(spec);
    for (let i = 0; i < 5; i += 1) await journal.append(subjects[0], body(100));
    let readings = 0;
    const pages = new Pages({
      excerpt: () => new Excerpt(journal, [subjects[0]]),
      entriesOf: () => {
        readings += 1;
        return [];
      },
      batchesOf: () => [],
    });
    const found = await Promise.all(Array.from({ length: 100 }, () => pages.after(0, 5, "write")));
    expect(found.map((page) => page?.end)).toEqual(Array(100).fill(5));
    expect(readings).toBe(1);
  },
);

test.each(buses)("The newest events of two subjects have no gap where those of one were cut on %s", async (_, open) => {
  await using place = await open();
  const journal = await place.bus.journal(spec);
  const [large, small] = subjects;
  await journal.append(small, body(10));
  for (let i = 0; i < 4; i += 1) await journal.append(large, body(400));
  await journal.append(small, body(10));
  const excerpt = new Excerpt(journal, subjects);
  const recent = async (maxBytes: number) => {
    const { messages, more } = await excerpt.recent({ upTo: 6, limit: 10, maxBytes });
    return [messages.map(({ position }) => position), more];
  };
  expect(await recent(1_000)).toEqual([[4, 5, 6], true]);
  expect(await recent(10_000)).toEqual([[1, 2, 3, 4, 5, 6], false]);
});
