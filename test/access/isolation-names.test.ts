import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer } from "../support/tokens.ts";
import { Asked } from "./isolation-asked.ts";
import { type Shot, shot, wireText } from "./isolation-hostile.ts";
import { buses, marks, orgs, Scene } from "./isolation-scene.ts";
import { placeOf, streams } from "./isolation-streams.ts";
import { tokenOf } from "./isolation-tokens.ts";

const runs = Number(process.env.SEEDS ?? 25);
const many = { minLength: 1, maxLength: 10, size: "max" } as const;

/** Orgs whose names are hostile, or nearly the same. */
const hostileOrgs = [
  ...[
    "a.b",
    "a",
    "A",
    "b",
    "a.b.runs",
    "a%2Eb",
    "a%2eb",
    "*",
    ">",
    "%2A",
    "default",
    "DEFAULT",
    "..",
    ".",
    " ",
    "\u0000",
  ],
  ...["ä", "a\u0308", "ﬀ", "ff", "İ", "i", "😀", "x".repeat(128), "x".repeat(127), "__proto__", "skein", "skein.a"],
];

describe.each(buses)("Over %s,", (_, open) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await Scene.open(open);
    for (const org of orgs) await scene.fill(org, "first");
    for (const org of orgs) await scene.households[org].open();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  const gatewayAt = (turn: number) => scene.gateways[turn % scene.gateways.length];

  /** Everything that comes of a shot. */
  async function answerTo(one: Shot, turn: number): Promise<string> {
    const token = await tokenOf(one.claims);
    using asked = Asked.raw(gatewayAt(turn)?.url ?? "", wireText(one, token));
    return (await asked.until(({ bytes }) => bytes.includes('{"type":'))).bytes;
  }

  test("no name shows what is another org's, wherever it stands, and none is a defect of ours", async () => {
    const property = fc.asyncProperty(fc.array(shot, many), async (shots) => {
      const answers = await Promise.all(shots.map(answerTo));
      for (const answer of answers) {
        expect(answer).not.toContain(marks.globex);
        expect(answer).not.toMatch(/^HTTP\/1\.1 50[0-2]|"internal"/);
        expect(answer).toMatch(/^HTTP\/1\.1 [1-5]\d\d /);
      }
      expect(scene.reports.splice(0)).toEqual([]);
    });
    await fc.assert(property, { numRuns: runs });
    expect(scene.households.globex.heard).toEqual([]);
  }, 600_000);

  test("a ticket for a path that no address can have is refused", async () => {
    const body = JSON.stringify({ stream: "runs/\ud800" });
    const question = { url: gatewayAt(0)?.url ?? "", path: "/api/tickets", method: "POST", body };
    const asked = await Asked.http({ ...question, headers: bearer(scene.tokens.acme) }).whole();
    expect(asked).toMatchObject({ status: 400, code: "bad_request" });
  });

  test("orgs with hostile names see nothing of each other, in the past and live", async () => {
    const says = async (index: number, word: string) => {
      const outlet = { url: gatewayAt(index)?.url ?? "", token: await tokenOf({ org: hostileOrgs[index] ?? "" }) };
      await scene.households.acme.publish(outlet, { name: "shared", crew: "c1", text: `<${index}>${word}` });
    };
    const everyone = (word: string) => Promise.all(hostileOrgs.map((_org, index) => says(index, word)));
    await everyone("past");
    const followers = await Promise.all(hostileOrgs.map((org, index) => followersOf(org, index)));
    await everyone("live");
    const isLevel = (index: number) => (asked: Asked) => asked.bytes.includes(`<${index}>live`);
    await Promise.all(followers.map((own, index) => Promise.all(own.map((asked) => asked.until(isLevel(index))))));
    for (const [index, own] of followers.entries()) {
      for (const asked of own) {
        asked[Symbol.dispose]();
        const seen = new Set(asked.bytes.match(/<\d+>(?:past|live)/g));
        expect([...seen].sort(), JSON.stringify(hostileOrgs[index])).toEqual([`<${index}>live`, `<${index}>past`]);
      }
    }
    expect(scene.reports).toEqual([]);
  });

  /** Those who follow each stream that is stored, by other transports, at another gateway. */
  async function followersOf(org: string, index: number): Promise<Asked[]> {
    const headers = bearer(await tokenOf({ org }));
    const url = gatewayAt(index + 1)?.url ?? "";
    const stored = streams.filter(({ kind }) => kind !== "log");
    const asked = stored.map((stream, i) =>
      i % 2 === 0
        ? Asked.ws({ url, path: `/ws/${placeOf(stream)}`, headers })
        : Asked.http({ url, path: `/sse/${placeOf(stream)}`, headers }),
    );
    return Promise.all(asked.map((one) => one.until(({ bytes }) => bytes.includes(`<${index}>past`))));
  }
});
