import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer } from "../support/tokens.ts";
import { Asked } from "./isolation-asked.ts";
import { requireFilled } from "./isolation-household.ts";
import { buses, marks, type Org, orgs, Scene } from "./isolation-scene.ts";
import { addressOf, queryOf, streams } from "./isolation-streams.ts";
import { askers } from "./isolation-tokens.ts";
import { ask, type Cell, expectedOf, nameOf, type Place, seenIn, ways } from "./isolation-ways.ts";

const atOnce = 64;
const everybody = await askers();

/** Where somebody with a token stands in each stream. */
async function cursorsOf(scene: Scene, org: Org): Promise<string[]> {
  const headers = bearer(scene.tokens[org]);
  const url = scene.gateways[0]?.url ?? "";
  const polls = streams.map((stream) => Asked.http({ url, path: `/poll/${addressOf(stream)}`, headers }).whole());
  return (await Promise.all(polls)).map(({ bytes }) => /^skein-cursor\n(.+)$/im.exec(bytes)?.[1] ?? "");
}

/** Both orgs say something, are asked where they stand, and say something again. */
async function furnish(scene: Scene): Promise<Place[]> {
  for (const org of orgs) await scene.fill(org, "first");
  for (const org of orgs) await scene.households[org].open();
  const [acme, globex] = [await cursorsOf(scene, "acme"), await cursorsOf(scene, "globex")];
  for (const org of orgs) await scene.fill(org, "second");
  const newest = await cursorsOf(scene, "acme");
  return streams.map((definition, i) => ({
    definition,
    neighbour: streams[(i + 1) % streams.length] ?? definition,
    cursors: { acme: acme[i] ?? "", globex: globex[i] ?? "", newest: newest[i] ?? "" },
  }));
}

/** A cell, and what came of it. */
interface Found {
  readonly cell: Cell;
  readonly asked: Asked;
}

/** Asks everything, some at once; whoever follows or is held is left open. */
async function askAll(scene: Scene, cells: readonly Cell[]): Promise<Found[]> {
  const found: Found[] = [];
  const rest = cells.entries();
  const work = async () => {
    for (const [turn, cell] of rest) {
      const asked = await ask(cell, scene, turn);
      found.push({ cell, asked });
      const { code } = expectedOf(cell);
      if (code !== undefined || (cell.way.transport === "poll" && cell.way.from !== "held")) await asked.whole();
      else if (cell.way.from !== "held") await asked.until(({ bytes }) => bytes.includes('{"type":'));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}

/** Both orgs go on, the other one first; whoever is still there and may see it waits for its own. */
async function goOn(scene: Scene, found: readonly Found[]): Promise<void> {
  for (const org of ["globex", "acme"] as const) await scene.fill(org, "news");
  const open = found.filter(({ cell, asked }) => !asked.isEnded && seenIn(cell) !== "nothing");
  const news = `${marks.acme}-news`;
  await Promise.all(open.map(({ asked }) => asked.until(({ bytes }) => bytes.includes(news))));
}

/** What is wrong with what came of a cell. */
function faultsOf({ cell, asked }: Found): string[] {
  const { status, close, code } = expectedOf(cell);
  const { way } = cell;
  const sees = seenIn(cell);
  const faults: string[] = [];
  if (asked.bytes.includes(marks.globex)) faults.push("shows what is the other org's");
  if (sees !== "all" && asked.bytes.includes(marks.hidden)) faults.push("shows what the token does not allow");
  if (asked.status !== status) faults.push(`has status ${asked.status}, not ${status}`);
  if (asked.code !== code) faults.push(`has code ${asked.code}, not ${code}`);
  if (asked.close !== close && asked.close !== undefined) faults.push(`closes with ${asked.close}, not ${close}`);
  const isShown = code === undefined && sees !== "nothing";
  if (asked.bytes.includes(marks.acme) !== isShown) faults.push(isShown ? "shows nothing of its own" : "shows its org");
  const isLive = isShown && (way.transport !== "poll" || way.from === "held");
  if (asked.bytes.includes(`${marks.acme}-news`) !== isLive) faults.push(isLive ? "is not live" : "was not refused");
  return faults.map((fault) => `${nameOf(cell)} ${fault}: ${asked.body.slice(0, 300)}`);
}

describe.each(buses)("Of another org nobody gets a byte, over %s,", (bus, open) => {
  // Which bus it is makes a difference below the doors only: over NATS every third of the same cells is enough.
  const step = bus.startsWith("NATS") ? 3 : 1;
  let scene: Scene;
  let found: Found[] = [];

  beforeAll(async () => {
    for (const stream of streams) requireFilled(stream);
    scene = await Scene.open(open);
    const places = await furnish(scene);
    const cells = places.flatMap((place) => everybody.flatMap((asker) => ways.map((way) => ({ asker, way, place }))));
    found = await askAll(
      scene,
      cells.filter(isPossible).filter((_cell, i) => i % step === 0),
    );
    await goOn(scene, found);
  });

  afterAll(async () => {
    for (const { asked } of found) asked[Symbol.dispose]();
    await scene[Symbol.asyncDispose]();
  });

  test.each(streams)("of $path, whoever asks in whatever way", ({ path }) => {
    const cells = found.filter(({ cell }) => cell.place.definition.path === path);
    expect(cells.length).toBeGreaterThan(600 / step);
    expect(cells.flatMap(faultsOf)).toEqual([]);
  });

  test.each(streams)("of $path, where the other org sees its own", async (stream) => {
    const headers = bearer(scene.tokens.globex);
    for (const { url } of scene.gateways) {
      const asked = await Asked.http({
        url,
        path: `/poll/${addressOf(stream)}?${new URLSearchParams(queryOf(stream))}`,
        headers,
      }).whole();
      expect(asked.bytes).toContain(marks.globex);
      expect(asked.bytes).not.toContain(marks.acme);
    }
  });

  test("by a ticket that many redeem at once on all gateways, but for one", async () => {
    const [address = ""] = streams.map((stream) => addressOf(stream));
    const [url = ""] = scene.gateways.map((gateway) => gateway.url);
    const body = JSON.stringify({ stream: address });
    const issued = Asked.http({ url, path: "/api/tickets", method: "POST", headers: bearer(scene.tokens.acme), body });
    const { ticket } = JSON.parse((await issued.whole()).body);
    const redeem = (at: string) => Asked.http({ url: at, path: `/poll/${address}?ticket=${ticket}` }).whole();
    const everywhere = Array.from({ length: 8 }, () => scene.gateways.map((gateway) => gateway.url)).flat();
    const codes = (await Promise.all(everywhere.map(redeem))).map(({ code }) => code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === "ticket_invalid")).toHaveLength(codes.length - 1);
  });

  test("and nothing was a defect of the gateways", () => {
    expect(scene.reports).toEqual([]);
  });
});

/** Whoever may see nothing with a name may not ask for something that has one. */
function isPossible({ asker, place }: Cell): boolean {
  return asker.sees !== "nothing" || asker.refused !== undefined || place.definition.pathPattern.names.length === 0;
}
