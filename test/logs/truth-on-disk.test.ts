import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "vitest";
import { expectNothingLost } from "./histories.ts";
import { RealWorld } from "./real.ts";

/** File systems differ in how soon they use the number of a file again, and in how finely they tell the time. */
const parents = ["/dev/shm", tmpdir()].filter((path) => existsSync(path));

test.each(parents)(
  "In %s, too, a follower gives every line once and in order, or says that some are lost",
  async (parent) => {
    await expectNothingLost(() => new RealWorld(parent), 400);
  },
  3_600_000,
);
