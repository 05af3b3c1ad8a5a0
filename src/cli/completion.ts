import type { Command } from "commander";
import { print } from "./listen.ts";

export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

/** What a command can be followed by. */
interface Entry {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly string[];
  /** What its arguments are: names of instances, one of these words, or what cannot be known. */
  readonly takes: "instances" | readonly string[];
}

/** Prints a script that completes commands, flags and the names of instances. */
export async function completion(shell: Shell, skein: Command): Promise<void> {
  await print(scripts[shell](skein.commands.map(entryOf)));
}

function entryOf(command: Command): Entry {
  const [argument] = command.registeredArguments;
  const isInstance = argument !== undefined && ["instance", "name", "agent"].includes(argument.name());
  const below = command.commands;
  const flags = [command, ...below].flatMap(({ options }) =>
    options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? []))),
  );
  return {
    name: command.name(),
    about: command.description().split(/[,.;]/)[0] ?? "",
    flags: [...new Set(["--help", ...flags])],
    takes: isInstance ? "instances" : [...below.map((one) => one.name()), ...(argument?.argChoices ?? [])],
  };
}

const scripts: Readonly<Record<Shell, (entries: readonly Entry[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** Asking for names must neither wait long nor say anything: it happens between two keys. */
const askNames = "skein ps --all --names 2>/dev/null";

function bashScript(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, flags, takes }) => `    ${name}) flags="${flags.join(" ")}"; ${shellWords(takes, "words")} ;;`,
  );
  return `# skein completion for bash: eval "$(skein completion bash)"
_skein() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flags="" words=""
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W "${entries.map(({ name }) => name).join(" ")} --help --version" -- "$current"))
    return
  fi
  case "$current" in -*) local asks=no ;; *) local asks=yes ;; esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  [ "$asks" = yes ] || words="$flags"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _skein skein`;
}

function zshScript(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, flags, takes }) => `    ${name}) flags=(${flags.join(" ")}); ${shellWords(takes, "found")} ;;`,
  );
  const described = entries.map(({ name, about }) => `    '${name}:${about.replaceAll("'", "’")}'`);
  return `#compdef skein
# skein completion for zsh: eval "$(skein completion zsh)"
_skein() {
  local -a commands flags
  local asks=yes found=""
  commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "$words[CURRENT]" in -*) asks=no ;; esac
  case "$words[2]" in
${cases.join("\n")}
  esac
  if [[ $asks = yes ]]; then compadd -- \${=found}; else compadd -- $flags; fi
}
compdef _skein skein`;
}

function shellWords(takes: Entry["takes"], variable: string): string {
  if (takes === "instances") return `[ "$asks" = no ] || ${variable}="$(${askNames})"`;
  return `${variable}="${takes.join(" ")}"`;
}

function fishScript(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ name, about, flags, takes }) => {
    const within = `complete -c skein -n '__fish_seen_subcommand_from ${name}'`;
    const words = takes === "instances" ? `(${askNames})` : takes.join(" ");
    return [
      `complete -c skein -n __fish_use_subcommand -f -a ${name} -d '${about.replaceAll("'", "’")}'`,
      ...flags.map((flag) => `${within} -l ${flag.slice(2)}`),
      ...(words === "" ? [] : [`${within} -f -a '${words}'`]),
    ];
  });
  return ["# skein completion for fish: skein completion fish | source", ...lines].join("\n");
}
