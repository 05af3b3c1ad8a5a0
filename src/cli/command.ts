import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../config.ts";
import { Explained } from "./explained.ts";

/** Adds examples to the end of a command's help. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  const word = examples.length === 1 ? "Example" : "Examples";
  return command.addHelpText("after", `\n${word}:\n${examples.map((example) => `  ${example}\n`).join("")}`);
}

/** Runs a command; what a person can mend is told in a sentence, not as a stack. */
export async function orExplain(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    if (!isExplained(thrown)) throw thrown;
    process.stderr.write(thrown.message.replaceAll(/^/gm, "skein: ").concat("\n"));
    process.exitCode = thrown instanceof ConfigError ? 2 : 1;
  }
}

/** Takes `key=value` into what was given before. */
export function parseParam(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at > 0) return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  throw new InvalidArgumentError("It must be a name and a value with = between, like greeting=hello.");
}

function isExplained(thrown: unknown): thrown is Error {
  return thrown instanceof Explained || thrown instanceof ConfigError;
}
