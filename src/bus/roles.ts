import { anyOrg, subjectOf } from "../protocol/subject.ts";
import { streamName } from "./store.ts";

/**
 * What one role of an org may do on NATS. Every list has subject tails: `runs.*` means `skein.<org>.runs.*`, and `{agent}` is the
 * name of the user's agent.
 *
 * The configuration for production, the tests of it and the table in docs/operating.md are all made from these rows.
 */
export interface Role {
  /** What the names of its user and its account end with. */
  readonly name: "publisher" | "node" | "logs" | "agent";
  readonly title: string;
  /** One sentence about it. */
  readonly about: string;
  /** What it has JetStream store; the acknowledgement comes back to it. */
  readonly writes: readonly string[];
  /** What it says to gateways without an answer. */
  readonly says: readonly string[];
  /** Tails of which it may read the newest stored message, one subject a request, and the store they are in. */
  readonly reads: readonly { readonly store: string; readonly tail: string }[];
  /** What it hears when gateways publish it. */
  readonly hears: readonly string[];
  /** What gateways ask of it, which it answers. */
  readonly answers: readonly string[];
  /** What it asks of others in its own account. */
  readonly asks: readonly string[];
}

const none = { writes: [], says: [], reads: [], hears: [], answers: [], asks: [] } as const;

const publisher: Role = {
  ...none,
  name: "publisher",
  title: "publisher",
  about: "Services of the org that publish what they do.",
  writes: [
    ...["instances.*", "runs.*", "messages.*", "graph.*", "mission.*", "tasks.*", "attacks.*", "jobs.*", "agents.*"],
    ...["cracks.*", "swarm.agents.*", "swarm.tasks.*"],
  ],
};

const logs: Role = {
  ...none,
  name: "logs",
  title: "logs agent",
  about: '"skein logs-agent": says the lines of logs to gateways that ask for them.',
  says: ["logs.*", "log_agents"],
  answers: ["log_requests.*"],
};

const node: Role = {
  ...none,
  name: "node",
  title: "node",
  about: "A machine that runs instances of the org, and may follow their logs.",
  writes: ["managed.*"],
  says: ["heartbeats.*", ...logs.says],
  reads: [{ store: "instances", tail: "managed.*" }],
  hears: ["managed.*"],
  answers: ["supervisors.*", ...logs.answers],
  // At its start it looks whether another node has its name.
  asks: ["supervisors.*"],
};

const agent: Role = {
  ...none,
  name: "agent",
  title: "agent",
  about: "An agent that takes its messages on the bus. Each has a user of its own.",
  answers: ["inbox.{agent}"],
};

/** The roles within an org, each of which has an account of its own there. */
export const orgRoles: readonly Role[] = [node, logs, publisher, agent];

/** The account of the gateways, which has the streams. */
export const gatewaysAccount = "SKEIN";

/** What the gateways' inboxes begin with: those who answer have to reach them. */
export const gatewayInbox = "_INBOX.gateway";

/** A store that gateways make a stream of. */
export interface KeptStore {
  readonly name: string;
  /** A `lookup` is a table that no gateway follows: single values of it are read. */
  readonly kind: "table" | "journal" | "lookup";
}

/** The stores that belong to no stream of the product. */
export const innerStores: readonly KeptStore[] = [
  { name: "letters", kind: "table" },
  { name: "payloads", kind: "lookup" },
  { name: "revoked", kind: "table" },
  { name: "rejected", kind: "journal" },
  { name: "tickets", kind: "journal" },
];

/** What gateways say among each other. */
const amongGateways = "gateways.*";

/**
 * What a gateway may hear: other gateways, and all that a node hears and that nodes and logs agents say. It may run
 * instances and follow logs itself, and is then asked like a node.
 */
export function heardByGateways(): string[] {
  return [amongGateways, ...node.says, ...node.hears, ...node.answers].map(anyOrg);
}

/** What a gateway may publish: all subjects of all orgs, answers to gateways, and what it asks of JetStream. */
export function publishedByGateways(stores: readonly KeptStore[]): string[] {
  const reads = node.reads.map(({ store, tail }) => directGet(store, anyOrg(tail)));
  // Flow control is how JetStream learns that a reader keeps up.
  return ["skein.>", `${gatewayInbox}.>`, "$JS.FC.>", ...reads, ...stores.flatMap(rightsOf)];
}

/**
 * What a gateway asks of JetStream about one store. It neither deletes nor purges a stream; deleting a message removes the trace
 * of a deleted row of a table. A consumer makes anything of a stream arrive on any subject of the account: it is a right
 * to read and, in a way, to write.
 */
export function rightsOf({ name, kind }: KeptStore): string[] {
  const stream = streamName(name);
  const streams = ["INFO", "CREATE", "UPDATE"].map((verb) => `$JS.API.STREAM.${verb}.${stream}`);
  const values = ["GET", "DELETE"].map((verb) => `$JS.API.STREAM.MSG.${verb}.${stream}`);
  const consumers = [
    `$JS.API.CONSUMER.CREATE.${stream}.${kind === "table" ? "*" : ">"}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
  ];
  return [...streams, ...(kind === "journal" ? [] : values), ...(kind === "lookup" ? [] : consumers)];
}

/** The request for the newest message of one subject of a store. */
export function directGet(store: string, subject: string): string {
  return `$JS.API.DIRECT.GET.${streamName(store)}.${subject}`;
}

/** The subjects of a role in an org; `agent` stands for the name of an agent, as a subject token. */
export interface RoleSubjects {
  readonly writes: readonly string[];
  readonly says: readonly string[];
  readonly reads: readonly string[];
  readonly hears: readonly string[];
  readonly answers: readonly string[];
  readonly asks: readonly string[];
}

/** What a role's tails are in an org; `agentToken` is a subject token or `*`, which is all agents. */
export function subjectsOf(role: Role, org: string, agentToken: string): RoleSubjects {
  const full = (tail: string) => subjectOf(org, tail.replace("{agent}", agentToken));
  return {
    writes: role.writes.map(full),
    says: role.says.map(full),
    reads: role.reads.map(({ store, tail }) => directGet(store, full(tail))),
    hears: role.hears.map(full),
    answers: role.answers.map(full),
    asks: role.asks.map(full),
  };
}
