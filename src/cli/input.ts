import { text } from "node:stream/consumers";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";

/** What was given as an argument, or else on standard input. Throws Explained when the token was there instead. */
export async function givenOrInput(given: string | undefined, { credential }: Gateway): Promise<string> {
  if (given !== undefined) return given;
  if (credential?.isFromInput) {
    throw new Explained("Standard input has given the token already: say what to send as the last argument");
  }
  return (await text(process.stdin)).trim();
}
