// node scripts/test.mjs [--deno] ARGS… runs the tests, with everything they need. Other arguments go to vitest.
import { become } from "./child.mjs";
import { ensureDashboard } from "./dashboard.mjs";
import { main } from "./fault.mjs";
import { ensureProgram } from "./program.mjs";
import { ready } from "./runtime.mjs";

const natsServer = { variable: "NATS_SERVER_BIN", names: ["nats-server"], debian: "nats-server" };
const chromium = { variable: "CHROMIUM_BIN", names: ["chromium", "chromium-browser"], debian: "chromium" };
const logrotate = { variable: "LOGROTATE_BIN", names: ["logrotate"], debian: "logrotate" };
const nginx = { variable: "NGINX_BIN", names: ["nginx"], debian: "nginx" };
const openssl = { variable: "OPENSSL_BIN", names: ["openssl"], debian: "openssl" };
const jq = { variable: "JQ_BIN", names: ["jq"], debian: "jq" };
// What the WebSocket of a gateway is compared with, and what recipes are written for; each needs those before, too.
const python = ["wsproto", "websockets", "httpx"].map((name, at, all) => ({
  variable: "PYTHON_BIN",
  names: ["python3"],
  debian: `python3-${name}`,
  trial: ["-c", `import ${all.slice(0, at + 1).join(", ")}`],
}));

const onNode = ["vitest", "run"];
// Deno has no worker threads as vitest wants them; processes it has.
const onDeno = ["deno", "run", "-A", "npm:vitest", "run", "--pool=forks", "--config", "vitest.deno.config.ts"];

await main(async () => {
  const args = process.argv.slice(2);
  const deno = args.includes("--deno");
  const env = await ready();
  await ensureDashboard(env);
  env.NATS_SERVER_BIN = await ensureProgram(natsServer);
  env.OPENSSL_BIN = await ensureProgram(openssl);
  if (!deno) {
    env.CHROMIUM_BIN = await ensureProgram(chromium);
    env.LOGROTATE_BIN = await ensureProgram(logrotate);
    env.NGINX_BIN = await ensureProgram(nginx);
    env.JQ_BIN = await ensureProgram(jq);
    for (const needed of python) env.PYTHON_BIN = await ensureProgram(needed);
  }
  await become([...(deno ? onDeno : onNode), ...args.filter((arg) => arg !== "--deno")], env);
});
