import { afterAll, beforeAll, describe, test } from "vitest";
import { byHand, byLogrotate } from "../support/rotations.ts";
import { startTorturedAgent } from "../support/tortured-agent.ts";
import { expectWhole, startTorturedGateway, type TorturedGateway } from "../support/tortured-gateway.ts";

const rotations = Number(process.env.ROTATIONS ?? 200);
const seed = Number(process.env.SEED ?? 1);

const starts = [
  ["a gateway that follows logs itself", startTorturedGateway, [...byHand, ...byLogrotate]],
  // What is deleted while nobody reads it is gone; so an agent that dies is asked for what stays only.
  [
    "a logs agent that is killed, beside a NATS that is killed",
    startTorturedAgent,
    [...byHand, ...byLogrotate].filter(({ leavesNothing }) => !leavesNothing),
  ],
] as const;

describe.each(starts)(`${rotations} rotations, %s:`, (_, start, modes) => {
  let tortured: TorturedGateway | undefined;
  beforeAll(async () => {
    tortured = await start();
  });
  afterAll(() => tortured?.[Symbol.asyncDispose]());

  test.each(modes)("$name", async (mode) => {
    if (!tortured) throw new Error("There is no gateway");
    const result = await tortured.torture(mode, rotations, seed);
    const lost = result.followers.map(({ name, ledger }) => `${name} lost ${ledger.missing.size}`);
    const unkept = mode.losesLines ? `; ${result.unkept.size} are in no file` : "";
    console.log(`${mode.name}: ${result.written} lines, ${lost.join(", ")}${unkept}`);
    expectWhole(result, mode, rotations);
  });
});
