import { Argument, type Command } from "commander";
import { gatewayOption, orExplain, parseParam, withExamples } from "./command.ts";
import { completion, type Shell, shells } from "./completion.ts";
import { type InboxOptions, inbox } from "./inbox.ts";
import {
  type CloneOptions,
  clone,
  create,
  type GatewayOptions,
  type MoveOptions,
  move,
  type NewOptions,
  type RemoveOptions,
  remove,
  shelve,
} from "./instances.ts";
import { type PsOptions, ps } from "./ps.ts";
import { type SendOptions, send } from "./send.ts";
import { type TemplatesOptions, templates } from "./templates.ts";

/** Adds the commands that look at instances, make them and move them. */
export function addInstances(skein: Command): void {
  addViews(skein);
  addMoves(skein);
  addMaking(skein);
}

function addViews(skein: Command): void {
  withExamples(skein.command("ps").description("Show the instances of the fleet."), "skein ps", "skein ps -a -w")
    .option("-a, --all", "archived ones as well")
    .option("-w, --watch", "go on with each change: the table anew on a terminal, else a line for each")
    .option("--json", "print JSON; with --watch the frames of the stream, one a line")
    .option("--names", "print the names alone, one a line")
    .addOption(gatewayOption())
    .action((options: PsOptions) => orExplain(() => ps(options)));
  withExamples(skein.command("templates").description("Show what instances can be made of."), "skein templates")
    .option("--json", "print JSON")
    .addOption(gatewayOption())
    .action((options: TemplatesOptions) => orExplain(() => templates(options)));
}

const moves = {
  up: "Start instances, and wait until they are running.",
  down: "Stop instances, and wait until they are stopped.",
  restart: "Stop and start instances, and wait until they are running again.",
} as const;

const shelves = {
  archive: "Put stopped instances away: they keep their names, and nobody sees them unless asked.",
  unarchive: "Take archived instances back.",
} as const;

function addMoves(skein: Command): void {
  for (const verb of ["up", "down", "restart"] as const) {
    const command = skein.command(`${verb} [name...]`).description(moves[verb]);
    if (verb !== "restart") command.option("-a, --all", `all that are not ${verb} yet, instead of names`);
    withExamples(command, `skein ${verb} web-1 web-2`, `skein ${verb} web-1 --no-wait`)
      .option("--no-wait", "leave as soon as the command was taken on")
      .addOption(gatewayOption())
      .action((names: string[], options: MoveOptions) => orExplain(() => move(verb, names, options)));
  }
  for (const verb of ["archive", "unarchive"] as const) {
    withExamples(skein.command(`${verb} <name...>`).description(shelves[verb]), `skein ${verb} web-1`)
      .addOption(gatewayOption())
      .action((names: string[], options: GatewayOptions) => orExplain(() => shelve(verb, names, options)));
  }
}

function addMaking(skein: Command): void {
  withExamples(
    skein.command("new <template> <name>").description("Make an instance of a template."),
    "skein new web web-3 -p greeting=Hi --up",
  )
    .option("-p, --param <key=value>", "what a parameter is to be; any number of times", parseParam)
    .option("--node <node>", "where (default: where the fewest instances are)")
    .option("--up", "start it, and wait until it is running")
    .addOption(gatewayOption())
    .action((template: string, name: string, options: NewOptions) => orExplain(() => create(template, name, options)));
  withExamples(
    skein.command("clone <name> <as>").description("Make an instance like another one, on the same node."),
    "skein clone web-1 web-3 -p greeting=Hi",
  )
    .option("-p, --param <key=value>", "what is to be another than in the original; any number of times", parseParam)
    .addOption(gatewayOption())
    .action((name: string, as: string, options: CloneOptions) => orExplain(() => clone(name, as, options)));
  withExamples(skein.command("rm <name...>").description("Delete instances for good."), "skein rm web-3 -f")
    .option("-f, --force", "stop those that run first, and forget those whose node is away")
    .addOption(gatewayOption())
    .action((names: string[], options: RemoveOptions) => orExplain(() => remove(names, options)));
}

/** Adds the commands that send messages between agents and receive them. */
export function addMessages(skein: Command): void {
  withExamples(
    skein.command("send [payload]").description("Send a message from one agent to another; prints its id."),
    `skein send --from ann --to worker-1 --type task '{"n":1}'`,
    "skein send --from ann --to worker-1 --type task < payload.json",
  )
    .requiredOption("--from <agent>", "who sends it")
    .requiredOption("--to <agent>", "who gets it")
    .requiredOption("--type <type>", "what kind of message it is")
    .option("--correlation <id>", "what it is about")
    .option("--json", "print what is known of the message instead")
    .addOption(gatewayOption())
    .action((payload: string | undefined, options: SendOptions) => orExplain(() => send(payload, options)));
  withExamples(
    skein.command("inbox <agent>").description("Print the messages that wait for an agent; reading delivers them."),
    "skein inbox worker-1 -f --ack",
  )
    .option("-f, --follow", "go on with each new message")
    .option("--ack", "acknowledge each; otherwise it is offered again")
    .option("--json", "print the messages as they are, one a line")
    .addOption(gatewayOption())
    .action((agent: string, options: InboxOptions) => orExplain(() => inbox(agent, options)));
}

/** Adds the command that teaches a shell all others. */
export function addCompletion(skein: Command): void {
  withExamples(
    skein.command("completion").description("Print a script that completes commands, flags and names in a shell."),
    'eval "$(skein completion bash)"',
    "skein completion fish | source",
  )
    .addArgument(new Argument("<shell>", "for which shell").choices(shells))
    .action((shell: Shell) => orExplain(() => completion(shell, skein)));
}
