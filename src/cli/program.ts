import { Command, InvalidArgumentError, Option } from "commander";
import { version } from "../protocol/version.ts";
import { addAccess } from "./access.ts";
import { orExplain, withExamples } from "./command.ts";
import { printConfig } from "./config.ts";
import { addCompletion, addInstances, addMessages } from "./control.ts";
import { asking, atGateway, type Flagged } from "./gateway.ts";
import { type Flags, withKnobs } from "./knob-flags.ts";
import { type ListenOptions, listenTo } from "./listen.ts";
import { type LogsOptions, logs } from "./logs.ts";
import { addNatsConfig } from "./nats-config.ts";
import { addPipelines, viaOption } from "./pipeline.ts";
import { type PublishOptions, publish } from "./publish.ts";
import { settings } from "./settings.ts";

/** The command line `skein`. */
export function program(): Command {
  const skein = new Command("skein")
    .description("Runs fleets of agents and shows them live: instances, logs and messages.")
    .version(version)
    // What follows a command belongs to it, and to a command below it when there is one.
    .enablePositionalOptions()
    .showHelpAfterError("(add --help to see what there is)");
  withExamples(skein, "skein start --config examples/fleet/skein.config.json", "skein ps -w", "skein logs web-1 -f");
  for (const [title, add] of chapters) {
    skein.commandsGroup(title);
    add(skein);
  }
  return skein;
}

const chapters: readonly (readonly [string, (skein: Command) => void])[] = [
  ["What serves:", addGateway],
  ["Instances:", addInstances],
  ["Logs:", addLogs],
  ["Messages:", addMessages],
  ["Streams:", addStreams],
  ["Runs and tools:", addPipelines],
  ["Who may see what:", addAccess],
  ["The shell:", addCompletion],
];

/** The commands that run what serves. */
function addGateway(skein: Command): void {
  const starting = skein.command("start").description("Start a gateway, and the instances of this node.");
  withKnobs(withExamples(starting, "skein start --config examples/fleet/skein.config.json"), [
    "port",
    "host",
    "nats",
    "data",
    "logs",
    "node",
    "templates",
    "streams",
    "auth",
    "jwtSecretFile",
    "jwtPublicKey",
    "jwksUrl",
    "jwtIssuer",
    "jwtAudience",
    "allowOrigin",
    "trustProxy",
    "drainMs",
  ]).action((flags: Flags) =>
    orExplain(async () => {
      const { config, places } = await settings(flags);
      // Only who serves has to load what serves: all other commands begin twice as soon.
      const [{ start }, { ownStreams }] = await Promise.all([import("./start.ts"), import("./own-streams.ts")]);
      await start(config, await ownStreams(places));
    }),
  );
  const config = skein.command("config").description("Print every setting, its value and where it came from.");
  withKnobs(withExamples(config, "skein config --port 9000 --json"), [])
    .option("--json", "print JSON")
    .action(({ json, ...flags }: Flags & { readonly json?: true }) =>
      orExplain(async () => {
        const loaded = await settings(flags);
        const { ownStreams } = await import("./own-streams.ts");
        printConfig({ ...loaded, own: await ownStreams(loaded.places) }, json ? "json" : "table");
      }),
    );
  addNatsConfig(skein);
}

/** The commands that look at streams and feed them. */
function addStreams(skein: Command): void {
  asking(
    withExamples(
      skein.command("listen <stream>").description("Follow a stream and print one frame a line."),
      "skein listen 'messages?instance=agent-1'",
    )
      .addOption(new Option("-t, --transport <name>", "how to follow it").choices(["ws", "sse", "poll"]).default("ws"))
      .option("-s, --since <cursor>", "go on after this cursor"),
  ).action((stream: string, options: Flagged<ListenOptions>) =>
    orExplain(async () => listenTo(stream, await atGateway(options))),
  );
  asking(
    withExamples(
      skein.command("publish <subject> [json]").description("Publish through a gateway."),
      `skein publish runs.r1 '{"type":"boot"}'`,
      "skein publish --delete instances.agent-1",
    )
      .addHelpText("after", "\nWithout JSON the body is read from standard input.")
      .option("--delete", "delete a table's row")
      .addOption(viaOption())
      .option("-k, --key <key>", "an idempotency key: publishing again with it stores nothing new"),
  ).action((subject: string, json: string | undefined, options: Flagged<PublishOptions>) =>
    orExplain(async () => publish(subject, json, await atGateway(options))),
  );
}

/** The commands about logs. */
function addLogs(skein: Command): void {
  asking(
    withExamples(
      skein.command("logs <instance>").description("Print the newest lines of an instance's log."),
      "skein logs agent-1 -f",
    )
      .option("-f, --follow", "go on with each new line, through rotations and interruptions")
      .option("-n, --lines <number>", "how many of the newest lines, 0 to 1000", parseLines, 100)
      .option("-s, --since <cursor>", "what came after this cursor instead")
      .option("--json", "print the frames as they are, one a line"),
  ).action((instance: string, options: Flagged<LogsOptions>) =>
    orExplain(async () => logs(instance, await atGateway(options))),
  );
  const agent = skein.command("logs-agent").description("Follow the logs of this machine for gateways elsewhere.");
  const example = "skein logs-agent --logs '/var/log/agents/{name}.log' --nats nats://127.0.0.1:4222";
  withKnobs(withExamples(agent, example), ["nats", "org", "logs", "logsRoot", "redact"]).action((flags: Flags) =>
    orExplain(async () => {
      const { runLogsAgent } = await import("./agent.ts");
      await runLogsAgent((await settings(flags)).config);
    }),
  );
}

function parseLines(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= 1000) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 0 to 1000.");
}
