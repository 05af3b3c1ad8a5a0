// node scripts/test-all.mjs ARGS… runs the tests that are too long for every change: the bus against each version of nats-server
// that is supported, and loads. Arguments go to vitest.
import { become } from "./child.mjs";
import { main } from "./fault.mjs";
import { ensureNatsServers } from "./nats-servers.mjs";
import { ensureProgram } from "./program.mjs";
import { ready } from "./runtime.mjs";

const natsServer = { variable: "NATS_SERVER_BIN", names: ["nats-server"], debian: "nats-server" };
const openssl = { variable: "OPENSSL_BIN", names: ["openssl"], debian: "openssl" };

await main(async () => {
  const env = await ready();
  env.NATS_SERVER_BIN = await ensureProgram(natsServer);
  env.OPENSSL_BIN = await ensureProgram(openssl);
  env.NATS_SERVERS = JSON.stringify(await ensureNatsServers(env.NATS_SERVER_BIN));
  await become(["vitest", "run", "--config", "vitest.all.config.ts", ...process.argv.slice(2)], env);
});
