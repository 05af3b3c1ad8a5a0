import { Argument, type Command } from "commander";
import { orExplain, parseParam, withExamples } from "./command.ts";
import { completion, type Shell, shells } from "./completion.ts";
import { asking, atGateway, type Flagged } from "./gateway.ts";
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
  asking(
    withExamples(skein.command("ps").description("Show the instances of the fleet."), "skein ps", "skein ps -a -w")
      .option("-a, --all", "archived ones as well")
      .option("-w, --watch", "go on with each change: the table anew on a terminal, else a line for each")
      .option("--json", "print JSON; with --watch the frames of the stream, one a line")
      .option("--names", "print the names alone, one a line"),
  ).action((options: Flagged<PsOptions>) => orExplain(async () => ps(await atGateway(options))));
  asking(
    withExamples(
      skein.command("templates").description("Show what instances can be made of."),
      "skein templates",
    ).option("--json", "print JSON"),
  ).action((options: Flagged<TemplatesOptions>) => orExplain(async () => templates(await atGateway(options))));
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
    asking(
      withExamples(command, `skein ${verb} web-1 web-2`, `skein ${verb} web-1 --no-wait`).option(
        "--no-wait",
        "leave as soon as the command was taken on",
      ),
    ).action((names: string[], options: Flagged<MoveOptions>) =>
      orExplain(async () => move(verb, names, await atGateway(options))),
    );
  }
  for (const verb of ["archive", "unarchive"] as const) {
    asking(withExamples(skein.command(`${verb} <name...>`).description(shelves[verb]), `skein ${verb} web-1`)).action(
      (names: string[], options: Flagged<GatewayOptions>) =>
        orExplain(async () => shelve(verb, names, await atGateway(options))),
    );
  }
}

function addMaking(skein: Command): void {
  asking(
    withExamples(
      skein.command("new <template> <name>").description("Make an instance of a template."),
      "skein new web web-3 -p greeting=Hi --up",
    )
      .option("-p, --param <key=value>", "what a parameter is to be; any number of times", parseParam)
      .option("--node <node>", "where (default: where the fewest instances are)")
      .option("--up", "start it, and wait until it is running"),
  ).action((template: string, name: string, options: Flagged<NewOptions>) =>
    orExplain(async () => create(template, name, await atGateway(options))),
  );
  asking(
    withExamples(
      skein.command("clone <name> <as>").description("Make an instance like another one, on the same node."),
      "skein clone web-1 web-3 -p greeting=Hi",
    ).option("-p, --param <key=value>", "what is to be another than in the original; any number of times", parseParam),
  ).action((name: string, as: string, options: Flagged<CloneOptions>) =>
    orExplain(async () => clone(name, as, await atGateway(options))),
  );
  asking(
    withExamples(skein.command("rm <name...>").description("Delete instances for good."), "skein rm web-3 -f").option(
      "-f, --force",
      "stop those that run first, and remove the rows of those whose node is away",
    ),
  ).action((names: string[], options: Flagged<RemoveOptions>) =>
    orExplain(async () => remove(names, await atGateway(options))),
  );
}

/** Adds the commands that send messages between agents and receive them. */
export function addMessages(skein: Command): void {
  asking(
    withExamples(
      skein.command("send [payload]").description("Send a message from one agent to another; prints its id."),
      `skein send --from ann --to worker-1 --type task '{"n":1}'`,
      "skein send --from ann --to worker-1 --type task < payload.json",
    )
      .requiredOption("--from <agent>", "who sends it")
      .requiredOption("--to <agent>", "who gets it")
      .requiredOption("--type <type>", "what kind of message it is")
      .option("--correlation <id>", "what it is about")
      .option("--json", "print what is known of the message instead"),
  ).action((payload: string | undefined, options: Flagged<SendOptions>) =>
    orExplain(async () => send(payload, await atGateway(options))),
  );
  asking(
    withExamples(
      skein.command("inbox <agent>").description("Print the messages that wait for an agent; reading delivers them."),
      "skein inbox worker-1 -f --ack",
    )
      .option("-f, --follow", "go on with each new message")
      .option("--ack", "acknowledge each; otherwise it is offered again")
      .option("--json", "print the messages as they are, one a line"),
  ).action((agent: string, options: Flagged<InboxOptions>) =>
    orExplain(async () => inbox(agent, await atGateway(options))),
  );
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
