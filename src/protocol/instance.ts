import { anyOrg, decodeToken, encodeToken, splitSubject, subjectOf } from "./subject.ts";

/** Every state an instance can be in. `unknown`: its node has not been heard of for a while. */
export const instanceStatuses = ["stopped", "starting", "running", "stopping", "failed", "unknown"] as const;

export type InstanceStatus = (typeof instanceStatuses)[number];

/** An instance of a node as the table `instances` keeps it on `managed.<name>`; only its own node changes it, but for `unknown`. */
export interface InstanceRecord {
  readonly name: string;
  readonly status: InstanceStatus;
  readonly port: number | null;
  readonly pid: number | null;
  /** When it was archived, ISO 8601; null while it is not. */
  readonly archived_at: string | null;
  /** The node that runs it. */
  readonly node: string;
  readonly template: string;
  /** What its template's placeholders stand for. */
  readonly params: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly created_at: string;
  /** Of its last end; null before the first, and after a signal. */
  readonly exit_code: number | null;
  /** How often it was started again by itself since somebody started it. */
  readonly restarts: number;
}

/** What may be asked of an instance's node. */
export const commands = ["create", "start", "stop", "restart", "archive", "unarchive", "clone", "delete"] as const;

export type Command = (typeof commands)[number];

/** A command as JSON on `skein.<org>.supervisors.<node>`; answered with a CommandAnswer, or with the Failure that refuses it. */
export interface CommandRequest {
  readonly command: Command;
  readonly name: string;
  /** Makes a repetition harmless: a command whose id was done within the last five minutes is answered as it was then. */
  readonly id?: string;
  /** For `create`. */
  readonly template?: string;
  /** For `create`, and for `clone` those that are to be others. */
  readonly params?: Readonly<Record<string, string>>;
  /** For `clone`: what the copy is called. */
  readonly as?: string;
}

export interface CommandAnswer {
  /** The instance after the command has been taken on (not carried out: follow the stream for that); null once deleted. */
  readonly instance: InstanceRecord | null;
  /** Whether the command's id was done before. */
  readonly duplicate: boolean;
}

/** What a node says every second on `skein.<org>.heartbeats.<node>`. */
export interface Heartbeat {
  readonly node: string;
  readonly templates: readonly TemplateInfo[];
}

/** How many parameters a template may have. */
export const templateParamsMax = 64;

/** The largest heartbeat that a gateway takes, in bytes. */
export const heartbeatBytesMax = 64 * 1024;

/** What a client may know of a template: never the command. */
export interface TemplateInfo {
  readonly name: string;
  readonly description: string;
  /** The names of its parameters, and what each is when it is not given; null: it must be given. */
  readonly params: Readonly<Record<string, string | null>>;
}

/** The table of all instances: rows that services publish, and rows that nodes own. */
export const instancesTable = { name: "instances", subjects: [anyOrg("instances.*"), anyOrg("managed.*")] } as const;

/** Where the row of an instance stands that a service publishes. */
export function publishedSubject(org: string, name: string): string {
  return subjectOf(org, `instances.${encodeToken(name)}`);
}

/** Where the row of an instance stands that a node runs: for nodes and gateways alone. */
export function managedSubject(org: string, name: string): string {
  return subjectOf(org, `managed.${encodeToken(name)}`);
}

/** What a subject of the table of instances says; undefined when it is none. */
export function instanceIn(subject: string): InstancePlace | undefined {
  const parts = splitSubject(subject);
  const [kind, token = "", ...rest] = parts?.tail.split(".") ?? [];
  const name = decodeToken(token);
  if (!parts || name === undefined || rest.length > 0 || (kind !== "instances" && kind !== "managed")) return undefined;
  return { org: parts.org, name, isManaged: kind === "managed" };
}

export interface InstancePlace {
  readonly org: string;
  readonly name: string;
  /** Whether a node owns the row. */
  readonly isManaged: boolean;
}

/** As an instance of a node may be called: it is also the name of its log and of its state file. */
const plainName = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}$/;

export function isPlainName(name: string): boolean {
  return plainName.test(name);
}

/** Where a node takes commands. */
export function supervisorSubject(org: string, node: string): string {
  return subjectOf(org, `supervisors.${encodeToken(node)}`);
}

/** Where a node says that it is there. */
export function heartbeatSubject(org: string, node: string): string {
  return subjectOf(org, `heartbeats.${encodeToken(node)}`);
}
