// node scripts/start.mjs [--demo] ARGS… starts the gateway; --demo also feeds it this machine's own processes.
import { exitCodeOf, onSignal, startChild } from "./child.mjs";
import { ensureDashboard } from "./dashboard.mjs";
import { root } from "./dependencies.mjs";
import { main, say } from "./fault.mjs";
import { firstAddress, isUp } from "./gateway.mjs";
import { ready } from "./runtime.mjs";

// How long the publisher may take to say good-bye before the gateway is told to stop as well.
const farewellMs = 1500;

await main(async () => {
  const args = process.argv.slice(2);
  const demo = args.includes("--demo");
  const env = await ready();
  await ensureDashboard(env);
  const command = ["node", "src/cli/main.ts", "start", ...args.filter((arg) => arg !== "--demo")];
  process.exitCode = await (demo ? runDemo(command, env) : runAlone(command, env));
});

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
function runAlone(command, env) {
  const gateway = startChild(command, { env, cwd: root });
  onSignal((signal) => gateway.kill(signal));
  return exitCodeOf(gateway);
}

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
async function runDemo(command, env) {
  const colour = process.stdout.isTTY && !env.NO_COLOR ? { FORCE_COLOR: "1" } : {};
  const gateway = startChild(command, { env: { ...env, ...colour }, cwd: root, stdio: ["inherit", "pipe", "inherit"] });
  gateway.stdout?.pipe(process.stdout);
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let publisher;
  let signals = 0;
  onSignal(async (signal) => {
    signals++;
    // The publisher goes first: it takes its records back, and for that the gateway must still listen.
    if (signals === 1 && publisher) await ended(publisher, signal);
    gateway.kill(signal);
  });
  const over = exitCodeOf(gateway);
  const address = await Promise.race([firstAddress(gateway), over.then(() => undefined)]);
  if (address && signals === 0 && (await isUp(gateway, address))) publisher = feed(address, env);
  const code = await over;
  publisher?.kill("SIGTERM");
  return code;
}

/**
 * @param {string} address
 * @param {NodeJS.ProcessEnv} env
 */
function feed(address, env) {
  say(`publishing the processes of this machine to ${address}`);
  const publisher = startChild(["node", "examples/host/main.ts", address], { env, cwd: root });
  exitCodeOf(publisher).then(
    (code) => code !== 0 && say(`the publisher ended with exit code ${code}`),
    (error) => say(`the publisher did not start: ${error.message}`),
  );
  return publisher;
}

/**
 * Stops the publisher and waits for its end, but not for long.
 *
 * @param {import("node:child_process").ChildProcess} publisher
 * @param {NodeJS.Signals} signal
 */
async function ended(publisher, signal) {
  if (publisher.exitCode !== null || publisher.signalCode !== null) return;
  const end = new Promise((resolve) => publisher.once("exit", resolve));
  publisher.kill(signal);
  await Promise.race([end, new Promise((resolve) => setTimeout(resolve, farewellMs))]);
}
