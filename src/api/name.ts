import { z } from "zod";

const longest = 64;

/**
 * The name of an instance to be made: 1 to 64 letters, digits, `_` and `-`, a letter or digit first.
 *
 * So it is the same word in a subject, in the name of a file and in an address.
 */
export const instanceName = z.string().superRefine((name, context) => {
  const fault = faultOf(name);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

function faultOf(name: string): string | undefined {
  if (name === "") return "must not be empty";
  const stranger = /[^A-Za-z0-9_-]/u.exec(name)?.[0];
  if (stranger !== undefined) {
    return `must not contain ${JSON.stringify(stranger)}, only letters from A to Z, digits, "_" and "-"`;
  }
  if (/^[_-]/.test(name)) return `must not begin with "${name[0]}"`;
  if (name.length > longest) return `must not be longer than ${longest} characters`;
  return undefined;
}
