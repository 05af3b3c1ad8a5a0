import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
  try {
    mkdirSync(flags.out, { recursive: true });
    writeFileSync(file, `${text}\n`);
  } catch (thrown) {
    throw new Explained(`${file} cannot be written: ${messageOf(thrown)}`);
  }
  await print(`wrote ${file}; passwords and certificates: CONF=${file} deploy/nats/secrets.sh FOLDER`);
}

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
