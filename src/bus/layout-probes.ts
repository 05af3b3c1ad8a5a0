import { matches, subjectOf } from "../protocol/subject.ts";
import { type Layout, type User, usersOf } from "./layout.ts";
import { directGet, innerStores, orgRoles, rightsOf, subjectsOf } from "./roles.ts";
import { streamName } from "./store.ts";

/** A name that no node, agent, run or org has. */
export const probeName = "skein-check";

/** What a user may do to an API of NATS besides what gateways ask of it; each is refused when its body is nonsense. */
const verbs = [
  ...["DELETE", "PURGE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN"].map((verb) => `STREAM.${verb}`),
  ...["STREAM.MSG.GET", "STREAM.MSG.DELETE", "DIRECT.GET", "CONSUMER.LIST", "CONSUMER.NAMES"],
];

const odd = [
  ...["$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.SKEIN_CHECK"],
  ...["$JS.API.CONSUMER.CREATE.SKEIN_CHECK.c", "$JS.API.META.LEADER.STEPDOWN", "$JS.ACK.SKEIN_CHECK.c.1.1.1.1.1"],
  ...["$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.SKEIN.CONNZ", "skein", "skein.acme", "elsewhere", "skein.>"],
];

/** Subjects of every kind that a user could want to publish: of each role in each org and one more, and of JetStream. */
export function publishProbes(layout: Layout): string[] {
  const api = layout.stores.flatMap(({ name }) => [
    ...rightsOf({ name, kind: "table" }),
    ...rightsOf({ name, kind: "journal" }),
    ...verbs.map((verb) => `$JS.API.${verb}.${streamName(name)}`),
    `$JS.API.CONSUMER.DURABLE.CREATE.${streamName(name)}.c`,
    ...orgsOf(layout).map((org) => directGet(name, subjectOf(org, `managed.${probeName}`))),
  ]);
  const inboxes = usersOf(layout).map(({ name }) => `_INBOX.${name}.${probeName}`);
  return distinct([...orgsOf(layout).flatMap(withinOrg), ...api, ...odd, ...inboxes].map(concrete));
}

/** Patterns of every kind that a user could want to hear. */
export function hearProbes(layout: Layout): string[] {
  const subjects = orgsOf(layout).flatMap(withinOrg);
  const broad = ["*", ...orgsOf(layout)].flatMap((org) =>
    ["inbox.*", "letters.*", "managed.*", "supervisors.*", "logs.*", ">"].map((tail) => `skein.${org}.${tail}`),
  );
  const inboxes = usersOf(layout).map(({ name }) => `_INBOX.${name}.>`);
  const all = [">", "*.>", "skein.>", "_INBOX.>", "_INBOX.*.>", "_R_.>", "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>"];
  return distinct([...subjects.map(concrete), ...broad, ...inboxes, ...all]);
}

/** Which of the subjects a user may publish, as the layout has it. */
export function publishableBy({ publish }: User, subjects: readonly string[]): string[] {
  return subjects.filter((subject) => publish === undefined || publish.some((pattern) => matches(pattern, subject)));
}

/** Which of the patterns a user may listen to, as the layout has it. */
export function audibleTo({ subscribe }: User, patterns: readonly string[]): string[] {
  return patterns.filter((one) => subscribe === undefined || subscribe.some((pattern) => matches(pattern, one)));
}

/** The orgs of a layout, and one that does not exist. */
function orgsOf({ accounts }: Layout): string[] {
  return distinct([...accounts.map(({ org }) => org), probeName]);
}

/** All subjects of an org: those of every role, and what is the gateways' alone. */
function withinOrg(org: string): string[] {
  const ofRoles = orgRoles.map((role) => subjectsOf(role, org, "*"));
  const inner = [...innerStores.map(({ name }) => `${name}.*`), "revoked.all", "rejected.runs.*", "gateways.*", "*"];
  return [
    ...ofRoles.flatMap(({ writes, says, hears, answers, asks }) => [...writes, ...says, ...hears, ...answers, ...asks]),
    ...inner.map((tail) => subjectOf(org, tail)),
  ];
}

function concrete(pattern: string): string {
  return pattern.replaceAll("*", probeName).replace(/(?<=\.)>$/, probeName);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
