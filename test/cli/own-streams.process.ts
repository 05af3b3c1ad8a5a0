import { ownStreams } from "../../src/cli/own-streams.ts";
import { settings } from "../../src/cli/settings.ts";

/** Prints why what lies in each of the folders cannot be served, as a list in JSON; "" when it can. */
const told: string[] = [];
for (const folder of process.argv.slice(2)) {
  process.chdir(folder);
  try {
    await ownStreams((await settings({})).places);
    told.push("");
  } catch (thrown) {
    told.push(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
process.stdout.write(JSON.stringify(told));
