import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { toolPlace } from "../config.ts";
import { milliseconds, natsUrl } from "../knobs/kinds.ts";
import { withExamples } from "./command.ts";
import { type Destination, destinationOf } from "./destination.ts";
import { type ExecOptions, exec, say } from "./exec.ts";
import { messageOf } from "./explained.ts";
import { asking, atGateway, type GatewayFlags } from "./gateway.ts";
import { watches } from "./progress.ts";
import { type RunOptions, runPipeline } from "./run.ts";

/** The command line as far as it runs commands of others: it is there sooner than the whole. */
export function pipelineProgram(): Command {
  const skein = new Command("skein").enablePositionalOptions();
  addPipelines(skein);
  return skein;
}

/** Adds the commands that run commands of others and tell of them. */
export function addPipelines(skein: Command): void {
  const run = withExamples(
    skein.command("run <command...>").description("Run a pipeline as a run, which its stream shows from boot to done."),
    "skein run --crew build -- ./pipeline.sh",
  )
    .addOption(crewOption())
    .option("--run <id>", "what the run is called (default: the time and six letters)")
    .option("--name <name>", "what the pipeline is called (default: the name of its program)");
  telling(run).action(async (words: string[], options: Told<Omit<RunOptions, "run">> & { run?: string }) => {
    const { run: id = newRun() } = options;
    const destination = await destinationIn(options);
    await runPipeline(words, { ...options, run: id, parent: toolPlace().ownRun, destination });
  });
  const one = withExamples(
    skein.command("exec <command...>").description("Run a command as a tool of an agent, and tell of it."),
    "skein exec --crew build --run r1 --agent tester -- npm test",
    "skein run --crew build -- sh -c 'skein exec -- make && skein exec -- make check'",
  )
    .addOption(crewOption())
    .addOption(new Option("--run <id>", "in which run").env("SKEIN_RUN").makeOptionMandatory())
    .option("--tool <name>", "what it is called (default: the name of the program)")
    .addOption(progressOption())
    .option("--strict", "count a success with words on standard error as completed_with_errors")
    .addOption(new Option("--lease <seconds>").argParser(parseLease).default(30).hideHelp());
  telling(one).action(async (words: string[], options: Told<Omit<ExecOptions, "isTask">>) => {
    const isTask = toolPlace().ownRun === options.run;
    await exec(words, { ...options, isTask, destination: await destinationIn(options) });
  });
}

function progressOption(): Option {
  const about = "what is looked for in the output (default: off on a terminal, else percent)";
  return new Option("--progress <what>", about).choices(watches);
}

function crewOption(): Option {
  return new Option("--crew <name>", "which crew runs it").env("SKEIN_CREW").makeOptionMandatory();
}

/** Names NATS servers to tell in place of the gateway. */
export function viaOption(): Option {
  return new Option("--via <servers>", "tell NATS, nats://… or tls://…, in place of the gateway").argParser(parseVia);
}

/** What both have: what belongs to the command is its own, and a fault of ours is not taken for one of the command. */
function telling(command: Command): Command {
  const flush = new Option("--flush <duration>", "how long the end waits for a gateway that does not answer");
  return asking(
    command
      .showHelpAfterError("(add --help to see what there is)")
      .passThroughOptions()
      .addOption(new Option("--agent <name>", "which agent runs it").env("SKEIN_AGENT").default(userName()))
      .addOption(viaOption().env("SKEIN_VIA"))
      .addOption(flush.argParser(parseFlush).default(2000, "2s"))
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : ownFault)),
  );
}

/** How env, timeout and docker say that it was them who failed, and not the command. */
const ownFault = 125;

/** The flags of a command that tells of another. */
type Told<Options extends { readonly destination: Destination }> = Omit<Options, "destination"> &
  GatewayFlags & { readonly via?: string };

/** Who flags say is told. The command runs also when the token for it is not to be had. */
async function destinationIn(flags: GatewayFlags & { readonly via?: string }): Promise<Destination> {
  try {
    return destinationOf((await atGateway(flags)).gateway, flags.via);
  } catch (thrown) {
    say(messageOf(thrown));
    return destinationOf({ url: flags.url }, flags.via);
  }
}

/** Sorts by time, and is not guessed. */
function newRun(): string {
  const time = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(/[-:]/g, "")
    .replace("T", "-");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

const patience = milliseconds(0);

function parseFlush(text: string): number {
  const parsed = patience.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError("It must be a duration like 500ms or 2s.");
}

function parseVia(text: string): string {
  if (natsUrl.safeParse(text).success) return text;
  throw new InvalidArgumentError("It must be an address like nats://127.0.0.1:4222; a gateway is named by --url.");
}

function parseLease(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 60) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1 to 60.");
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the list of users, as containers have it.
    return "skein";
  }
}
