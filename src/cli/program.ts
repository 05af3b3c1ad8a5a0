import { Command, InvalidArgumentError, Option } from "commander";
import { ConfigError, type Knob, knobs, loadConfig } from "../config.ts";
import { runLogsAgent } from "./agent.ts";
import { printConfig } from "./config.ts";
import { Explained } from "./explained.ts";
import { type ListenOptions, listenTo } from "./listen.ts";
import { type LogsOptions, logs } from "./logs.ts";
import { type PublishOptions, publish } from "./publish.ts";
import { start } from "./start.ts";

/** What was given, by the name that the command line has for it. */
type Flags = Readonly<Record<string, string | undefined>>;

const gatewayUrl = "http://127.0.0.1:8000";

/** The command line `skein`. */
export function program(): Command {
  const skein = new Command("skein")
    .description("Live streams for agent fleets: NATS subjects over WebSocket, Server-Sent Events and polling.")
    .version("0.1.0")
    .showHelpAfterError("(add --help to see what there is)");
  addGateway(skein);
  addStreams(skein);
  addLogs(skein);
  return skein;
}

/** The commands that run what serves. */
function addGateway(skein: Command): void {
  withKnobs(skein.command("start").description("Start a gateway."), [
    "port",
    "host",
    "nats",
    "data",
    "logs",
    "drainMs",
  ]).action((flags: Flags) => orExplain(() => start(loadConfig({ flags: byKnob(flags) }).config)));
  withKnobs(skein.command("config").description("Print every setting, its value and where it came from."), [])
    .option("--json", "print JSON")
    .action(({ json, ...flags }: Flags & { readonly json?: string }) =>
      orExplain(async () => printConfig(loadConfig({ flags: byKnob(flags) }), json ? "json" : "table")),
    );
}

/** The commands that look at streams and feed them. */
function addStreams(skein: Command): void {
  skein
    .command("listen <stream>")
    .description("Follow a stream and print one frame a line, for example: skein listen 'messages?instance=agent-1'")
    .addOption(new Option("-t, --transport <name>", "how to follow it").choices(["ws", "sse", "poll"]).default("ws"))
    .option("-s, --since <cursor>", "go on after this cursor")
    .option("-u, --url <url>", "the gateway", parseUrl, gatewayUrl)
    .action((stream: string, options: ListenOptions) => orExplain(() => listenTo(stream, options)));
  skein
    .command("publish <subject> [json]")
    .description('Publish through a gateway, for example: skein publish runs.r1 \'{"type":"boot"}\'')
    .addHelpText("after", "\nWithout JSON the body is read from standard input; an empty body deletes a table's row.")
    .option("-k, --key <key>", "an idempotency key: publishing again with it stores nothing new")
    .option("-u, --url <url>", "the gateway", parseUrl, gatewayUrl)
    .action((subject: string, json: string | undefined, options: PublishOptions) =>
      orExplain(() => publish(subject, json, options)),
    );
}

/** The commands about logs. */
function addLogs(skein: Command): void {
  skein
    .command("logs <instance>")
    .description("Print the newest lines of an instance's log, for example: skein logs agent-1 -f")
    .option("-f, --follow", "go on with each new line, through rotations and interruptions")
    .option("-n, --lines <number>", "how many of the newest lines, 0 to 1000", parseLines, 100)
    .option("-s, --since <cursor>", "what came after this cursor instead")
    .option("--json", "print the frames as they are, one a line")
    .option("-u, --url <url>", "the gateway", parseUrl, gatewayUrl)
    .action((instance: string, options: LogsOptions) => orExplain(() => logs(instance, options)));
  withKnobs(
    skein.command("logs-agent").description("Follow the logs of this machine for gateways elsewhere, over NATS."),
    ["nats", "org", "logs", "logsRoot", "redact"],
  ).action((flags: Flags) => orExplain(() => runLogsAgent(loadConfig({ flags: byKnob(flags) }).config)));
}

function parseLines(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= 1000) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 0 to 1000.");
}

/** Adds a flag for every knob: the everyday ones by name, the rest in their own group of the help. */
function withKnobs(command: Command, everyday: readonly Knob[]): Command {
  command.option("-c, --config <file>", "the configuration file (default: skein.config.json when there is one)");
  for (const { knob, flag, description, default: byDefault, variable } of knobs) {
    const option = new Option(`${flag} <value>`, `${description} (default: ${byDefault}; ${variable})`);
    command.addOption(everyday.includes(knob) ? option : option.helpGroup("Fine tuning:"));
  }
  return command;
}

/** What was given, by the knob that it sets. */
function byKnob(flags: Flags): Partial<Record<Knob | "config", string | undefined>> {
  const said = knobs.map(({ knob, flag }) => [knob, flags[new Option(flag).attributeName()]]);
  return { ...Object.fromEntries(said), config: flags.config };
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href.replace(/\/$/, "");
  throw new InvalidArgumentError("It must be an address like http://127.0.0.1:8000.");
}

/** Runs a command; what a person can mend is told in a sentence, not as a stack. */
async function orExplain(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    if (!isExplained(thrown)) throw thrown;
    process.stderr.write(`skein: ${thrown.message}\n`);
    process.exitCode = thrown instanceof ConfigError ? 2 : 1;
  }
}

function isExplained(thrown: unknown): thrown is Error {
  return thrown instanceof Explained || thrown instanceof ConfigError;
}
