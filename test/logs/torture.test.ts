import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LineLedger } from "../support/line-ledger.ts";
import { numberedLine } from "../support/numbered-line.ts";
import { byHand, byLogrotate, type Mode } from "../support/rotations.ts";
import { startTorturedAgent } from "../support/tortured-agent.ts";
import { expectWhole, startTorturedGateway, type TorturedGateway } from "../support/tortured-gateway.ts";

const seed = Number(process.env.SEED ?? 1);
const rotations = Number(process.env.ROTATIONS ?? 16);
/** Rotations that must lie more than a second apart. */
const slowRotations = 2;
/** Rotations that wait for every client to be in the new file. */
const patientRotations = Math.min(rotations, 20);
/** Enough for two deaths of the agent and one of NATS. */
const agentRotations = 12;

describe("A client of a log that is rotated has every line once and in order:", () => {
  let gateway: TorturedGateway | undefined;
  beforeAll(async () => {
    gateway = await startTorturedGateway();
  });
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  const tortured = (mode: Mode, count: number) => {
    if (!gateway) throw new Error("There is no gateway");
    return gateway.torture(mode, count, seed);
  };

  const whole = [...byHand, ...byLogrotate].filter(({ losesLines }) => !losesLines);
  test.each(whole)("$name", async (mode) => {
    const count = mode.secondsApart ? slowRotations : mode.leavesNothing ? patientRotations : rotations;
    expectWhole(await tortured(mode, count), mode, count);
  });

  const lossy = [...byHand, ...byLogrotate].filter(({ losesLines }) => losesLines);
  test.each(lossy)("$name, but for a few lines behind a gap", async (mode: Mode) => {
    expectWhole(await tortured(mode, rotations), mode, rotations);
  });
});

test("A client of a log that is rotated has every line once while its agent and NATS are killed", async () => {
  const [mode] = byHand;
  if (!mode) throw new Error("There are ways to rotate by hand");
  await using agent = await startTorturedAgent();
  expectWhole(await agent.torture(mode, agentRotations, seed), mode, agentRotations);
});

describe("The ledger of the torture notices", () => {
  const ledgerOf = (numbers: readonly number[]) => {
    const ledger = new LineLedger();
    for (const number of numbers) ledger.take(numberedLine(number, 60).trimEnd());
    return ledger;
  };

  test("nothing when every line came once and in order", () => {
    expect(ledgerOf([1, 2, 3]).faults).toEqual({});
  });

  test("a line that did not come", () => {
    expect(ledgerOf([1, 2, 5]).faults).toEqual({ unannounced: "3–4" });
  });

  test("a line that came twice", () => {
    expect(ledgerOf([1, 2, 2, 3, 1]).faults).toEqual({ duplicates: "2 1" });
  });

  test("a line that came late", () => {
    expect(ledgerOf([1, 3, 2]).faults).toEqual({ disordered: "2" });
  });

  test("a line that was cut, glued or damaged", () => {
    const line = numberedLine(1, 60).trimEnd();
    for (const torn of [line.slice(0, -1), line.slice(1), line + line, line.replace("☃", "\uFFFD"), ""]) {
      const ledger = new LineLedger();
      ledger.take(torn);
      expect(ledger.faults, torn).toEqual({ torn: torn || "an empty line" });
    }
  });

  test("that only what is missing behind a gap was announced", () => {
    const ledger = ledgerOf([1]);
    ledger.announceGap();
    for (const number of [3, 5]) ledger.take(numberedLine(number, 60).trimEnd());
    expect(ledger.faults).toEqual({ unannounced: "4" });
    expect([...ledger.missing.keys()]).toEqual([2, 4]);
  });
});
