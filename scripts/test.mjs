// node scripts/test.mjs [--deno] ARGS… runs the tests, with everything they need. Other arguments go to vitest.
import { become } from "./child.mjs";
import { main } from "./fault.mjs";
import { ensureProgram } from "./program.mjs";
import { ready } from "./runtime.mjs";

const natsServer = { variable: "NATS_SERVER_BIN", names: ["nats-server"], debian: "nats-server" };
const chromium = { variable: "CHROMIUM_BIN", names: ["chromium", "chromium-browser"], debian: "chromium" };
const logrotate = { variable: "LOGROTATE_BIN", names: ["logrotate"], debian: "logrotate" };
const openssl = { variable: "OPENSSL_BIN", names: ["openssl"], debian: "openssl" };
// What the WebSocket of a gateway is compared with.
const wsproto = {
  variable: "PYTHON_BIN",
  names: ["python3"],
  debian: "python3-wsproto",
  trial: ["-c", "import wsproto"],
};

const onNode = ["vitest", "run"];
// Deno has no worker threads as vitest wants them; processes it has.
const onDeno = ["deno", "run", "-A", "npm:vitest", "run", "--pool=forks", "--config", "vitest.deno.config.ts"];

await main(async () => {
  const args = process.argv.slice(2);
  const deno = args.includes("--deno");
  const env = await ready();
  env.NATS_SERVER_BIN = await ensureProgram(natsServer);
  env.OPENSSL_BIN = await ensureProgram(openssl);
  if (!deno) {
    env.CHROMIUM_BIN = await ensureProgram(chromium);
    env.LOGROTATE_BIN = await ensureProgram(logrotate);
    env.PYTHON_BIN = await ensureProgram(wsproto);
  }
  await become([...(deno ? onDeno : onNode), ...args.filter((arg) => arg !== "--deno")], env);
});
