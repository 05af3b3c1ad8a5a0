import type { z } from "zod";
import type { FrameBody } from "../protocol/frame.ts";
import { reservedMessages } from "../protocol/message.ts";
import type { Access } from "./access.ts";
import { type Params, Pattern } from "./path.ts";
import { reservedQuery } from "./query.ts";

/** What every kind of stream says about itself. */
interface Served<Query> {
  /** Where it is served, below `/ws/`, `/sse/` and `/poll/`: `runs/:run_id`. */
  readonly path: string;
  /** One sentence for people. */
  readonly description: string;
  /**
   * What it reads from the bus, below `skein.<org>.`: `runs.:run_id`. A named token is a field of the body; the body may
   * leave it out, and must not contradict it. A name that the path has too limits a channel to that value. Where a token is
   * one of a few words, the name says which: `swarm.:kind(agents|tasks).:id`.
   */
  readonly subject: string;
  readonly query: z.ZodObject & z.ZodType<Query>;
  /** Who may follow it. */
  readonly access: Access;
}

/** What a stream says about itself whose values are kept in a store. */
interface Spec<Query> extends Served<Query> {
  /** Whether the report of a rejected body shows it; `hidden` where a body may hold what nobody should see by accident. */
  readonly rejectedBody: "shown" | "hidden";
  /** What a client may say on a WebSocket, by `type`, and the query that holds from then on. */
  readonly messages: Readonly<Record<string, Message<Query>>>;
}

/** A client's message that changes its query; it is answered with a fresh snapshot, `reason: "filter"`. */
interface Message<Query> {
  readonly fields: z.ZodObject;
  change(query: Query, fields: Readonly<Record<string, unknown>>): Query;
}

/** A stream over a table: the last value of every key, and typed deltas made by comparing old and new. */
export interface TableSpec<Row, Query> extends Spec<Query> {
  /**
   * A second subject of the same names whose rows shadow those of `subject`: `managed.:name`. While a row stands there it is
   * what the stream shows, and what is stored on `subject` under the same names is rejected with `owned_by_node`; it is
   * kept in mind, and shown once the owned row is deleted. Who may publish over HTTP may not write it. Default: none.
   */
  readonly ownedSubject?: string;
  readonly record: z.ZodType<Row>;
  /** The first frames: every row that this query shows. The last of them says where the client stands. */
  snapshot(rows: readonly Row[], query: Query): readonly FrameBody[];
  /** The frames of one change; none when nothing that a client can see has changed. */
  deltas(change: Change<Row>): FrameBody[];
  /** Whether a client with this query is told of the change. */
  shows(change: Change<Row>, query: Query): boolean;
  /** What a row becomes by time alone, when nobody has stored it anew. */
  readonly lapse?: Lapse<Row>;
  /** What is said of every row again and again, so that whoever listens knows that it still holds. */
  readonly repeat?: { readonly everyMs: number; frame(row: Row): FrameBody };
}

/** A row that was stored so long ago is another one. */
interface Lapse<Row> {
  readonly afterMs: number;
  lapsed(row: Row): Row;
}

/** One change of one row; never both undefined. */
export interface Change<Row> {
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  /** When it was stored, ISO 8601. */
  readonly timestamp: string;
}

/** A stream over a journal: every event becomes one frame. */
export interface FeedSpec<Event, Query> extends Spec<Query> {
  readonly event: z.ZodType<Event>;
  /** How long events are kept, in milliseconds. */
  readonly keepMs: number;
  /** What a newcomer is told: the newest events, the whole past as frames, or what all events together come to. */
  readonly past: RecentPast<Event, Query> | WholePast | FoldedPast<Event>;
  frame(event: Event): FrameBody;
  /** Whether a client with this query is sent the event. */
  shows(event: Event, query: Query): boolean;
  /** Whether the stream is over after this event. */
  ends(event: Event): boolean;
  /** What is said to everybody again and again. */
  readonly repeat?: { readonly everyMs: number; frame(timestamp: string): FrameBody };
}

interface RecentPast<Event, Query> {
  readonly kind: "recent";
  /** How many events a query can ask for at the most. */
  readonly most: number;
  count(query: Query): number;
  snapshot(events: readonly Event[], query: Query): readonly FrameBody[];
}

interface WholePast {
  readonly kind: "whole";
}

interface FoldedPast<Event> {
  readonly kind: "folded";
  /** What the events of one channel come to, none so far. */
  begin(params: Params): Fold<Event>;
}

/** What events come to, one after the other. */
export interface Fold<Event> {
  add(event: Event): void;
  /** The first frames for somebody who may see some events. */
  snapshot(shows: (event: Event) => boolean): readonly FrameBody[];
}

/** A stream over files: the newest lines of a log, then each line as it is written. Nothing is kept but the file. */
export interface LogSpec<Query> extends Served<Query> {
  /** The subject of the table whose rows say which logs there may be: `instances.:name`. A log whose row is deleted ends. */
  readonly registry: string;
  /** How many of the newest lines a query asks for. */
  backlog(query: Query): number;
}

/** Many rooms on one connection, chosen by the client: each is a channel of one feed. */
export interface RoomsSpec {
  /** Where the connection with rooms is served, below `/ws/` and `/sse/`: `tasks`. */
  readonly path: string;
  /** One sentence for people. */
  readonly description: string;
  /** Who may connect; whoever enters a room needs the access of its feed as well. */
  readonly access: Access;
  /** What a room shows: a feed whose path names nothing but `param`. It is served by itself, too. */
  readonly room: FeedDefinition;
  /** What names a room: in the path of its feed, in the client's messages, in the query and in every refusal. */
  readonly param: string;
  /** The first frame of a connection. */
  readonly hello: FrameBody;
  /** The type of the client's message that enters a room. The first frame of the room confirms it. */
  readonly join: string;
  /** The type of the client's message that leaves a room. */
  readonly leave: string;
  /** What confirms that a room was left, and says that one is over. */
  left(name: string): FrameBody;
  /** How many rooms a connection may have at once. */
  readonly most: number;
}

/** A stream, defined once and served on every transport. */
export type Definition = SourcedDefinition | RoomsDefinition;

/** A stream that has values of its own. */
export type SourcedDefinition = StoredDefinition | LogDefinition;

/** A stream whose values are kept in a store. */
export type StoredDefinition = TableDefinition | FeedDefinition;

export interface TableDefinition extends TableSpec<unknown, unknown>, Places {
  readonly kind: "table";
  readonly ownedPattern: Pattern | undefined;
}

export interface FeedDefinition extends FeedSpec<unknown, unknown>, Places {
  readonly kind: "feed";
}

export interface LogDefinition extends LogSpec<unknown>, Places {
  readonly kind: "log";
  readonly rejectedBody: "hidden";
  readonly messages: Readonly<Record<string, never>>;
  shows(): true;
}

export interface RoomsDefinition extends RoomsSpec {
  readonly kind: "rooms";
  readonly pathPattern: Pattern;
}

/** The patterns of a definition, parsed. */
interface Places {
  readonly pathPattern: Pattern;
  readonly subjectPattern: Pattern;
  /** What its table or journal is called on the bus. */
  readonly store: string;
}

/** Defines a stream over a table. Throws TypeError that names the fault. */
export function defineTable<Row, Query>(spec: TableSpec<Row, Query>): TableDefinition {
  const places = check(spec);
  const keys = places.subjectPattern.names.filter((name) => !places.pathPattern.names.includes(name));
  if (keys.length === 0) throw new TypeError(`Stream "${spec.path}": its subject names no key for the rows`);
  return { ...spec, ...places, ownedPattern: ownedPatternOf(spec, places), kind: "table" };
}

function ownedPatternOf(
  { path, ownedSubject }: Pick<TableSpec<unknown, unknown>, "path" | "ownedSubject">,
  { subjectPattern }: Places,
): Pattern | undefined {
  if (ownedSubject === undefined) return undefined;
  const fault = (text: string) => new TypeError(`Stream "${path}": its owned subject "${ownedSubject}" ${text}`);
  const pattern = new Pattern(ownedSubject, ".");
  if (pattern.names.toSorted().join() !== subjectPattern.names.toSorted().join())
    throw fault("must have the names of its subject");
  if (pattern.stem.length === 0) throw fault("must begin with a word");
  if (pattern.stem[0] === subjectPattern.stem[0]) throw fault("must begin with another word than its subject");
  return pattern;
}

/** Defines a stream over a journal. Throws TypeError that names the fault. */
export function defineFeed<Event, Query>(spec: FeedSpec<Event, Query>): FeedDefinition {
  const places = check(spec);
  if (!(spec.keepMs > 0)) throw new TypeError(`Stream "${spec.path}": keepMs must be more than 0`);
  if (spec.past.kind === "recent" && !(spec.past.most > 0)) {
    throw new TypeError(`Stream "${spec.path}": past.most must be more than 0`);
  }
  return { ...spec, ...places, kind: "feed" };
}

/** Defines a stream over files. Throws TypeError that names the fault. */
export function defineLog<Query>(spec: LogSpec<Query>): LogDefinition {
  const places = checkPlaces(spec);
  const registry = new Pattern(spec.registry, ".");
  const lost = registry.names.find((name) => !places.pathPattern.names.includes(name));
  if (lost !== undefined) {
    throw new TypeError(`Stream "${spec.path}": its registry names ":${lost}", its path does not`);
  }
  return { ...spec, ...places, kind: "log", rejectedBody: "hidden", messages: {}, shows: () => true };
}

function check<Query>(spec: Spec<Query>): Places {
  const message = Object.keys(spec.messages).find((type) => reservedMessages.has(type));
  if (message !== undefined) {
    throw new TypeError(`Stream "${spec.path}": message type "${message}" belongs to the protocol`);
  }
  return checkPlaces(spec);
}

function checkPlaces<Query>(spec: Served<Query>): Places {
  const fault = (text: string) => new TypeError(`Stream "${spec.path}": ${text}`);
  const pathPattern = new Pattern(spec.path, "/");
  const subjectPattern = new Pattern(spec.subject, ".");
  const lost = pathPattern.names.find((name) => !subjectPattern.names.includes(name));
  if (lost !== undefined) throw fault(`its path names ":${lost}", its subject "${spec.subject}" does not`);
  if (subjectPattern.stem.length === 0) throw fault(`its subject "${spec.subject}" must begin with a word`);
  const query = Object.keys(spec.query.shape).find((name) => reservedQuery.has(name));
  if (query !== undefined) throw fault(`query parameter "${query}" belongs to the protocol`);
  return { pathPattern, subjectPattern, store: subjectPattern.stem.join("_") };
}
