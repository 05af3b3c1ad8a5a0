import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { busContract } from "./contract.ts";

busContract("The embedded bus", async () => {
  const dir = mkdtempSync(join(tmpdir(), "skein-bus-"));
  const open = () => openEmbeddedBus({ file: join(dir, "below", "bus.db"), clock: systemClock });
  return { open, end: async () => rmSync(dir, { recursive: true, force: true }) };
});
