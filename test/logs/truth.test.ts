import { test } from "vitest";
import { expectNothingLost } from "./histories.ts";
import { SimulatedWorld } from "./simulated.ts";

test("Whatever is done to a log in whatever order, a follower gives every line once and in order, or says that some are lost", async () => {
  await expectNothingLost(() => new SimulatedWorld(), 2000);
}, 600_000);
