import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type AgentName, type Layout, layoutOf, usersOf } from "../bus/layout.ts";
import { layoutText } from "../bus/layout-text.ts";
import { innerStores, type KeptStore } from "../bus/roles.ts";
import type { Definition, StoredDefinition } from "../stream/define.ts";
import { withRooms } from "../stream/rooms.ts";
import { storeOf } from "../stream/subject.ts";
import { productStreams } from "../streams/all.ts";
import { Explained, messageOf } from "./explained.ts";
import { print } from "./listen.ts";
import type { OwnStream } from "./own-streams.ts";

/** For whom, as flags say it. */
export interface LayoutFlags {
  readonly org?: readonly string[];
  /** `org/name` of each. */
  readonly agent?: readonly string[];
}

export interface WriteFlags extends LayoutFlags {
  /** The folder to write to; standard output when there is none. */
  readonly out?: string;
  readonly json?: true;
}

/** Prints a layout's configuration, or writes it to `nats.conf` in a folder. Throws Explained that says what to change. */
export async function writeLayout(flags: WriteFlags, own: readonly OwnStream[]): Promise<void> {
  const layout = layoutFor(flags, own);
  const text = flags.json ? JSON.stringify(summaryOf(layout), null, 2) : layoutText(layout).trimEnd();
  if (flags.out === undefined) return print(text);
  const file = join(flags.out, flags.json ? "nats.json" : "nats.conf");
  makeFolder(flags.out);
  try {
    writeFileSync(file, `${text}\n`);
  } catch (thrown) {
    throw new Explained(`The file ${file} ${whyNot(thrown, unwritable)}`);
  }
  await print(`wrote ${file}; passwords and certificates: CONF=${file} deploy/nats/secrets.sh FOLDER`);
}

/** Makes a folder in one that exists. It is not made `recursive`: that would never return on /proc. Throws Explained. */
function makeFolder(folder: string): void {
  const parent = dirname(resolve(folder));
  if (!existsSync(parent))
    throw new Explained(`The folder ${parent} does not exist: make it first, or name another --out`);
  try {
    mkdirSync(folder);
  } catch (thrown) {
    // What is there and is no folder is told of as its file is written.
    if (codeOf(thrown) !== "EEXIST") throw new Explained(`The folder ${folder} ${whyNot(thrown, unmakable)}`);
  }
}

function whyNot(thrown: unknown, words: Readonly<Record<string, string>>): string {
  return words[codeOf(thrown)] ?? `cannot be written: ${messageOf(thrown)}`;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

const unwritable: Readonly<Record<string, string>> = {
  EACCES: "may not be written by the user of this process",
  EPERM: "may not be written by the user of this process",
  EROFS: "is on a file system that is read-only",
  ENOSPC: "does not fit on its disk, which is full",
  ENOTDIR: "cannot be written: --out names a file, not a folder",
  EISDIR: "cannot be written: it is a folder",
};

const unmakable: Readonly<Record<string, string>> = {
  EACCES: "may not be made by the user of this process",
  EPERM: "may not be made by the user of this process",
  EROFS: "is on a file system that is read-only",
  ENOSPC: "does not fit on its disk, which is full",
  ENOTDIR: "cannot be made: what is above it is a file",
  ENOENT: "cannot be made: the file system there takes no new folders",
};

/** The layout that flags ask for, with the stores of the product and of the user's own streams. Throws Explained. */
export function layoutFor({ org: orgs = [], agent = [] }: LayoutFlags, own: readonly OwnStream[]): Layout {
  const ours = withRooms(productStreams).filter(isStored);
  const theirs = withRooms(own.map(({ definition }) => definition)).filter(isStored);
  const stores = [...ours, ...theirs].map(({ store, kind }): KeptStore => {
    return { name: store, kind: kind === "table" ? "table" : "journal" };
  });
  const published = theirs.flatMap((definition) =>
    storeOf(definition).subjects.map((subject) => subject.slice("skein.*.".length)),
  );
  try {
    return layoutOf({
      orgs: [...new Set(orgs)],
      agents: [...new Set(agent)].map(agentName),
      stores: [...new Map([...stores, ...innerStores].map((store) => [store.name, store])).values()],
      published: [...new Set(published)],
    });
  } catch (thrown) {
    throw new Explained(`--org, --agent: ${messageOf(thrown)}`);
  }
}

function isStored(definition: Definition): definition is StoredDefinition {
  return definition.kind === "table" || definition.kind === "feed";
}

function agentName(text: string): AgentName {
  const [org = "", name = "", ...rest] = text.split("/");
  if (org === "" || name === "" || rest.length > 0) {
    throw new Error(`An agent is ORG/NAME, like acme/planner, not ${JSON.stringify(text)}`);
  }
  return { org, name };
}

/** What a program wants to know of a layout. */
function summaryOf(layout: Layout): object {
  const accounts = new Map(layout.accounts.flatMap(({ name, users }) => users.map((user) => [user.name, name])));
  const users = usersOf(layout).map(({ name, variable, publish, subscribe, answers }) => ({
    user: name,
    account: accounts.get(name) ?? "SKEIN",
    password: variable,
    inbox: `_INBOX.${name}`,
    publish: publish ?? [">"],
    subscribe: subscribe ?? [">"],
    answers,
  }));
  return { users };
}
