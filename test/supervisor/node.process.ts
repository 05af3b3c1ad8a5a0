import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { parseTemplates } from "../../src/supervisor/template.ts";

/** A process that runs a supervisor until it is killed: `node node.process.ts URL ORG NODE DIRECTORY TEMPLATES`. */
const [url = "", org = "", node = "", directory = "", templates = ""] = process.argv.slice(2);
const supervisor = new Supervisor({
  bus: await upBus(url),
  org,
  node,
  templates: parseTemplates(JSON.parse(templates)),
  directory,
  clock: systemClock,
  environment: { PATH: process.env.PATH },
  report: (trouble) => process.stderr.write(`${trouble}\n`),
});
await supervisor.start();
process.stdout.write("ready\n");
setInterval(() => {}, 1000);

async function upBus(address: string) {
  const bus = await openNatsBus({ url: address, clock: systemClock });
  const { promise, resolve } = Promise.withResolvers<void>();
  bus.onState((state) => state === "up" && resolve());
  if (bus.state === "up") resolve();
  await promise;
  return bus;
}
