// node scripts/run.mjs COMMAND ARGS… runs a command of this project on a machine that may have none of its dependencies.
import { become } from "./child.mjs";
import { Fault, main } from "./fault.mjs";
import { ready } from "./runtime.mjs";

await main(async () => {
  const command = process.argv.slice(2);
  if (command.length === 0) throw new Fault("usage: node scripts/run.mjs COMMAND ARGS…");
  await become(command, await ready());
});
