import type { Command } from "commander";
import type { Knob } from "../config.ts";
import { orExplain, withExamples } from "./command.ts";
import { type Flags, withSomeKnobs } from "./knob-flags.ts";
import type { CheckFlags } from "./nats-check.ts";
import type { WriteFlags } from "./nats-layout.ts";
import { settings } from "./settings.ts";

/** Which streams there are, and with what a server is spoken to. */
const concerned = ["streams", "nats", "natsCreds", "natsCa", "natsCert", "natsKey"] as const satisfies readonly Knob[];

/** Adds the command that lays NATS out for orgs, and checks a server that is laid out so. */
export function addNatsConfig(skein: Command): void {
  const command = withExamples(
    skein
      .command("nats-config")
      .description("Print the configuration of a NATS server for some orgs, or check a running one."),
    "skein nats-config --org acme --org beta --agent acme/planner --out deploy/nats",
    "skein nats-config --org acme --check --config publisher.json",
  )
    .option("--org <org>", "an org that has a place on it; again for each", collect)
    .option("--agent <org/name>", "an agent that takes its messages on the bus; again for each", collect)
    .option("--out <folder>", "write nats.conf to this folder (default: print it)")
    .option("--check [url]", "check this server instead, as the user in the address (default: the one of --nats)")
    .option("--as <user>", "which user of the layout that is, when the address does not say (credentials files)")
    .option("--json", "print JSON");
  withSomeKnobs(command, concerned).action((flags: Flags & WriteFlags & CheckFlags) =>
    orExplain(async () => {
      const { config, places } = await settings(flags);
      const { ownStreams } = await import("./own-streams.ts");
      const own = await ownStreams(places);
      if (flags.check !== undefined) return (await import("./nats-check.ts")).checkServer(flags, config, own);
      return (await import("./nats-layout.ts")).writeLayout(flags, own);
    }),
  );
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
