import { expect, test } from "vitest";
import { Revocations } from "../../src/auth/revocations.ts";
import { buses } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";

test.each(buses)(
  "On %s, a token that is revoked once more, until an earlier time, stays revoked for as long as before",
  async (_, open) => {
    await using held = await open();
    const clock = new ManualClock();
    const revocations = new Revocations({ bus: held.bus, clock, report: console.error, warn: console.error });
    await revocations.start();
    const table = await held.bus.table({ name: "revoked", subjects: ["skein.*.revoked.>"] });
    const past = { expiresAtMs: clock.now() - 600_000 };
    await revocations.revoke("acme", { jti: "t1", expiresAtMs: clock.now() + 600_000 });
    await revocations.revoke("acme", { jti: "t1", ...past });
    await revocations.revoke("acme", { jti: "t2" });
    await revocations.revoke("acme", { jti: "t2", ...past });
    await revocations.revoke("acme", { jti: "t3", ...past });
    clock.pass(120_000);
    await expect.poll(() => table.get("skein.acme.revoked.jti.t3")).toBeUndefined();
    for (const jti of ["t1", "t2"]) expect(await table.get(`skein.acme.revoked.jti.${jti}`)).toBeDefined();
    revocations.close();
  },
);
