import { type Command, CommanderError } from "commander";
import { expect } from "vitest";
import { Explained } from "../../src/cli/explained.ts";
import { program } from "../../src/cli/program.ts";

/** What `skein …` says of words that it cannot read, told in this process; rejects when it can. */
export async function misread(...words: readonly string[]): Promise<string> {
  const skein = program();
  let said = "";
  const hear = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: (text) => (said += text) });
    for (const one of command.commands) hear(one);
  };
  hear(skein);
  const reading = skein.parseAsync(words, { from: "user" });
  await expect(reading).rejects.toBeInstanceOf(CommanderError);
  await expect(reading).rejects.toMatchObject({ exitCode: 1 });
  return said;
}

/** The sentence with which a command is refused. */
export async function refusal(running: Promise<void>): Promise<string> {
  const thrown = await running.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  expect(thrown).toBeInstanceOf(Explained);
  return (thrown as Explained).message;
}
