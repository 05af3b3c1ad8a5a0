// node scripts/images.mjs ARGS… takes the pictures of the dashboard that are in docs/images. Arguments go to vitest.
import { become } from "./child.mjs";
import { ensureDashboard } from "./dashboard.mjs";
import { main } from "./fault.mjs";
import { ensureProgram } from "./program.mjs";
import { ready } from "./runtime.mjs";

const chromium = { variable: "CHROMIUM_BIN", names: ["chromium", "chromium-browser"], debian: "chromium" };

await main(async () => {
  const env = await ready();
  await ensureDashboard(env);
  env.CHROMIUM_BIN = await ensureProgram(chromium);
  env.SKEIN_IMAGES = "1";
  await become(["vitest", "run", "--config", "vitest.images.config.ts", ...process.argv.slice(2)], env);
});
