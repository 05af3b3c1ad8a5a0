import { fileURLToPath } from "node:url";
import { ProgramFollower } from "../../test/support/program-follower.ts";

/** Programs that follow files and print their lines, each from the first one on. */
export const rivals = {
  "tail -F": (...paths: string[]) => ["tail", "-q", "-n", "+1", "-F", ...paths],
  "npm tail": (...paths: string[]) => [
    process.execPath,
    fileURLToPath(new URL("./npm-tail.ts", import.meta.url)),
    ...paths,
  ],
} as const;

export type RivalName = keyof typeof rivals;

export const rivalNames = Object.keys(rivals) as RivalName[];

/** Everything that can be measured alone, by the word it has on the command line. */
export const followers = { ws: "skein ws", sse: "skein sse", tail: "tail -F", npm: "npm tail" } as const;

/** One of them as a follower whose every line is checked. */
export function rivalFollower(name: RivalName, path: string): ProgramFollower {
  return new ProgramFollower(name, rivals[name](path));
}
