import { encodeToken } from "../protocol/subject.ts";
import {
  gatewayInbox,
  gatewaysAccount,
  heardByGateways,
  type KeptStore,
  orgRoles,
  publishedByGateways,
  type Role,
  type RoleSubjects,
  subjectsOf,
} from "./roles.ts";

/** For whom NATS is laid out. */
export interface LayoutTerms {
  readonly orgs: readonly string[];
  /** Agents that take their messages on the bus. Default: none. */
  readonly agents?: readonly AgentName[];
  /** The stores of which gateways make streams. */
  readonly stores: readonly KeptStore[];
  /** What publishers write besides, as subject tails. Default: nothing. */
  readonly published?: readonly string[];
}

export interface AgentName {
  readonly org: string;
  readonly name: string;
}

/** One user of NATS. A list that is undefined sets no limit. */
export interface User {
  readonly name: string;
  /** The environment variable with its password. */
  readonly variable: string;
  readonly about: string;
  readonly publish: readonly string[] | undefined;
  readonly subscribe: readonly string[] | undefined;
  /** Whether it may answer each request that it hears, once. */
  readonly answers: boolean;
}

/** A subject that the gateways' account shares: as a service when others send, as a stream when others hear. */
export interface Share {
  readonly kind: "service" | "stream";
  readonly subject: string;
}

/** An account of a role of an org, and what it has from the gateways' account. */
export interface OrgAccount {
  readonly name: string;
  readonly org: string;
  readonly role: Role;
  readonly users: readonly User[];
  readonly imports: readonly Share[];
}

/** Who may do what on a NATS server. */
export interface Layout {
  readonly gateways: readonly User[];
  readonly stores: readonly KeptStore[];
  readonly accounts: readonly OrgAccount[];
}

/**
 * Lays NATS out: an account for gateways, and one for each role of each org, so that no reply subject leads from one into
 * another.
 *
 * Throws an Error when there is no org, an agent's org is not among them, or two names would be one user.
 */
export function layoutOf({ orgs, agents = [], stores, published = [] }: LayoutTerms): Layout {
  if (orgs.length === 0) throw new Error("Name at least one org");
  const stray = agents.find(({ org }) => !orgs.includes(org));
  if (stray)
    throw new Error(`The agent ${stray.org}/${stray.name} is of an org that is not named: add the org ${stray.org}`);
  const accounts = orgs.flatMap((org) =>
    orgRoles
      .map((role) => (role.name === "publisher" ? { ...role, writes: [...role.writes, ...published] } : role))
      .map((role) =>
        accountOf(
          role,
          org,
          agents.filter((agent) => agent.org === org),
        ),
      )
      .filter(({ users }) => users.length > 0),
  );
  const layout = { gateways: gatewayUsers(stores), stores, accounts };
  refuseTwins(layout);
  return layout;
}

/** All users of a layout, gateways first. */
export function usersOf({ gateways, accounts }: Layout): User[] {
  return [...gateways, ...accounts.flatMap(({ users }) => users)];
}

/** What the gateways' account shares, and with which accounts. */
export function exportsOf({ accounts }: Layout): (Share & { readonly accounts: readonly string[] })[] {
  const shares = new Map<string, Share & { readonly accounts: string[] }>();
  for (const { name, imports } of accounts) {
    for (const { kind, subject } of imports) {
      const key = `${kind} ${subject}`;
      const share = shares.get(key) ?? { kind, subject, accounts: [] };
      share.accounts.push(name);
      shares.set(key, share);
    }
  }
  return [...shares.values()];
}

function accountOf(role: Role, org: string, agents: readonly AgentName[]): OrgAccount {
  const users =
    role.name === "agent"
      ? agents.map(({ name }) => userOf(role, `${slug(org)}-${slug(name)}`, subjectsOf(role, org, encodeToken(name))))
      : [userOf(role, `${slug(org)}-${role.name}`, subjectsOf(role, org, "*"))];
  const name = `${slug(org)}_${role.name}`.toUpperCase().replaceAll("-", "_");
  return { name, org, role, users, imports: importsOf(subjectsOf(role, org, "*")) };
}

function importsOf({ writes, says, reads, hears, answers }: RoleSubjects): Share[] {
  const sent = [...writes, ...says, ...reads, ...(answers.length > 0 ? [`${gatewayInbox}.>`] : [])];
  return [
    ...sent.map((subject) => ({ kind: "service", subject }) as const),
    ...[...hears, ...answers].map((subject) => ({ kind: "stream", subject }) as const),
  ];
}

function userOf({ about }: Role, name: string, { writes, says, reads, hears, answers, asks }: RoleSubjects): User {
  return {
    name,
    variable: variableOf(name),
    about,
    publish: [...writes, ...says, ...reads, ...asks],
    subscribe: [`_INBOX.${name}.>`, ...hears, ...answers],
    answers: answers.length > 0,
  };
}

function gatewayUsers(stores: readonly KeptStore[]): User[] {
  const admin = {
    name: "admin",
    variable: variableOf("admin"),
    about: "People, for repairs, backups and replicas. It may do everything; no program should know it.",
    publish: undefined,
    subscribe: undefined,
    answers: false,
  };
  const gateway = {
    name: "gateway",
    variable: variableOf("gateway"),
    about: `Gateways, that is "skein start": natsInbox must be ${gatewayInbox}. Its password has all orgs.`,
    publish: publishedByGateways(stores),
    subscribe: [`${gatewayInbox}.>`, ...heardByGateways()],
    answers: false,
  };
  return [admin, gateway];
}

/** A name as users, accounts and variables may have it. */
function slug(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, "_");
}

function variableOf(user: string): string {
  return `SKEIN_NATS_${user.toUpperCase().replaceAll("-", "_")}_PASSWORD`;
}

/** Two that share a password or an account would not be kept apart. */
function refuseTwins(layout: Layout): void {
  const names = [
    ...layout.gateways.map(({ name, variable }) => [variable, `user ${name}`] as const),
    ...layout.accounts.flatMap(({ users, org }) =>
      users.map(({ name, variable }) => [variable, `user ${name} of the org ${org}`] as const),
    ),
    ...layout.accounts.map(({ name, org, role }) => [name, `account of the ${role.title} of ${org}`] as const),
    [gatewaysAccount, "account of the gateways"] as const,
  ];
  const seen = new Map<string, string>();
  for (const [key, what] of names) {
    const other = seen.get(key);
    if (other !== undefined)
      throw new Error(`The ${what} and the ${other} would both be called ${key}: rename one of them`);
    seen.set(key, what);
  }
}
