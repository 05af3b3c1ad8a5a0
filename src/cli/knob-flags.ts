import { type Command, Option } from "commander";
import { type Knob, type KnobInfo, knobs } from "../config.ts";

/** What was given, by the name that the command line has for it. */
export type Flags = Readonly<Record<string, unknown>>;

/** Adds a flag for every knob: the everyday ones by name, the rest in their own group of the help. */
export function withKnobs(command: Command, everyday: readonly Knob[]): Command {
  addConfig(command);
  for (const info of knobs) {
    const option = optionFor(info);
    command.addOption(everyday.includes(info.knob) ? option : option.helpGroup("Fine tuning:"));
  }
  return command;
}

/** Adds the flags of some knobs, for a command that the others do not concern. */
export function withSomeKnobs(command: Command, some: readonly Knob[]): Command {
  addConfig(command);
  for (const info of knobs) if (some.includes(info.knob)) command.addOption(optionFor(info).helpGroup("Settings:"));
  return command;
}

/** What was given, by the knob that it sets. */
export function byKnob(flags: Flags): Readonly<Partial<Record<Knob | "config", string>>> {
  const names = [["config", "config"], ...knobs.map(({ knob, flag }) => [knob, new Option(flag).attributeName()])];
  return Object.fromEntries(
    names.flatMap(([knob = "", name = ""]) => (typeof flags[name] === "string" ? [[knob, flags[name]]] : [])),
  );
}

function addConfig(command: Command): void {
  command.option("-c, --config <file>", "the configuration file (default: skein.config.json when there is one)");
}

function optionFor({ flag, description, default: byDefault, variable }: KnobInfo): Option {
  return new Option(`${flag} <value>`, `${description} (default: ${byDefault}; ${variable})`);
}
