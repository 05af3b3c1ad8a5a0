import { describe, expect, test } from "vitest";
import { type Command, commands, instanceStatuses } from "../../src/protocol/instance.ts";
import { type State, transitions } from "../../src/supervisor/transitions.ts";

const columns: readonly Command[] = ["create", "start", "stop", "restart", "archive", "unarchive", "clone", "delete"];

/** What each command does in each state; `-` is a conflict, `?` means that there is no such instance. */
const table: Readonly<Record<State, string>> = {
  absent: "create ? ? ? ? ? ? ?",
  stopped: "- launch - launch archive - copy remove",
  starting: "- - halt - - - copy -",
  running: "- - halt cycle - - copy -",
  stopping: "- - - - - - copy -",
  failed: "- launch - launch archive - copy remove",
  archived: "- - - - - unarchive copy remove",
  unknown: "- - - - - - copy -",
};

const cells = Object.entries(table).flatMap(([state, row]) =>
  row.split(" ").map((meaning, i) => ({ state: state as State, command: columns[i] ?? "create", meaning })),
);

describe("a command in a state", () => {
  test("is in the table, whatever the two are", () => {
    expect(columns).toEqual(commands);
    expect(Object.keys(transitions).sort()).toEqual(["absent", "archived", ...instanceStatuses].sort());
    expect(cells).toHaveLength(64);
  });

  test.each(cells)("$command when $state: $meaning", ({ state, command, meaning }) => {
    const verdict = transitions[state][command];
    if (meaning === "?") expect(verdict).toEqual({ missing: true });
    else if (meaning !== "-") expect(verdict).toEqual({ act: meaning });
    else expect(verdict).toEqual({ refuse: expect.stringMatching(/^(is|has|already) /) });
  });

  test.each([
    ["running", "start", "is running already"],
    ["running", "delete", "is running; stop it first"],
    ["stopped", "stop", "is stopped already"],
    ["archived", "start", "is archived; unarchive it first"],
    ["stopping", "start", "is stopping; start it when it has stopped"],
  ] as const)("that is refused says why: %s, %s", (state, command, refuse) => {
    expect(transitions[state][command]).toEqual({ refuse });
  });
});
