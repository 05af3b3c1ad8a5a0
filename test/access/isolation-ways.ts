import type { SourcedDefinition } from "../../src/stream/define.ts";
import type { Gateway } from "../support/gateway.ts";
import { bearer } from "../support/tokens.ts";
import { Asked, type Question } from "./isolation-asked.ts";
import { addressOf, isNameless, queryOf } from "./isolation-streams.ts";
import type { Asker } from "./isolation-tokens.ts";

/** A way to ask for a stream: over which transport, with the token where, from where on, with which ticket. */
export interface Way {
  readonly transport: "ws" | "sse" | "poll";
  readonly carrier: "header" | "subprotocol" | "query" | "cookie";
  readonly from: "now" | "held" | "own cursor" | "the other org's cursor" | "garbage";
  readonly ticket?: "good" | "of another stream" | "used" | "moved to the other org" | "of the other org, besides";
}

const transports = ["ws", "sse", "poll"] as const;
const carriers = ["header", "query", "cookie"] as const;
const cursors = ["own cursor", "the other org's cursor", "garbage"] as const;
const tickets = ["good", "of another stream", "used", "moved to the other org", "of the other org, besides"] as const;

export const ways: readonly Way[] = [
  { transport: "ws", carrier: "subprotocol", from: "now" },
  { transport: "poll", carrier: "header", from: "held" },
  ...transports.flatMap((transport) => [
    ...carriers.map((carrier) => ({ transport, carrier, from: "now" }) as const),
    ...cursors.map((from) => ({ transport, carrier: "header", from }) as const),
    ...tickets.map((ticket) => ({ transport, carrier: "header", from: "now", ticket }) as const),
  ]),
];

/** A stream where both orgs have something, and where each org stood in it before that. */
export interface Place {
  readonly definition: SourcedDefinition;
  /** Another stream. */
  readonly neighbour: SourcedDefinition;
  readonly cursors: { readonly acme: string; readonly globex: string; readonly newest: string };
}

/** One field of the matrix. */
export interface Cell {
  readonly asker: Asker;
  readonly way: Way;
  readonly place: Place;
}

/** What must come of a cell. */
export interface Expected {
  readonly status: number;
  readonly close?: number;
  readonly code?: string;
}

export function nameOf({ asker, way, place }: Cell): string {
  const ticket = way.ticket === undefined ? "" : `, ticket ${way.ticket}`;
  return `${place.definition.path} for ${asker.name} over ${way.transport} by ${way.carrier} from ${way.from}${ticket}`;
}

/** What of its org an asker may see in a cell. */
export function seenIn({ asker, place }: Cell): Asker["sees"] {
  return asker.refused === undefined && isNameless(place.definition) ? "all" : asker.sees;
}

/** Whether a cell is refused, and how docs/protocol.md says so. */
export function expectedOf(cell: Cell): Expected {
  const { asker, way } = cell;
  const code = refusalOf(asker, way);
  // Whoever may see nothing waits for nothing.
  if (code === undefined && way.from === "held" && seenIn(cell) === "nothing") return { status: 0 };
  if (code === undefined) return { status: way.transport === "ws" ? 101 : 200 };
  const status = code === "forbidden" ? 403 : 401;
  const isSaidLater = way.transport === "ws" && (code === "forbidden" || way.carrier === "subprotocol");
  return isSaidLater ? { status: 101, close: 4000 + status, code } : { status, code };
}

function refusalOf({ refused, isNoViewer }: Asker, { ticket }: Way): string | undefined {
  // Nobody shows no token, so the ticket is all that counts.
  if (refused !== undefined) return refused === "token_required" && ticket !== undefined ? "ticket_invalid" : refused;
  const isGood = ticket === undefined || ticket === "good" || ticket === "of the other org, besides";
  if (!isGood) return "ticket_invalid";
  return isNoViewer ? "forbidden" : undefined;
}

/** Who can be asked, and the token whose tickets those show that get none of their own. */
interface Gates {
  readonly gateways: readonly Gateway[];
  readonly tokens: { readonly acme: string; readonly globex: string };
}

/** Asks what a cell asks. */
export async function ask(cell: Cell, gates: Gates, turn: number): Promise<Asked> {
  const { way, place } = cell;
  const gateway = gates.gateways[turn % gates.gateways.length];
  if (!gateway) throw new Error("There is no gateway");
  const search = new URLSearchParams(queryOf(place.definition));
  const headers: Record<string, string> = {};
  const since = sinceOf(cell);
  if (since !== undefined && way.transport === "sse") headers["last-event-id"] = since;
  else if (since !== undefined) search.set("since", since);
  if (way.from === "held") search.set("wait", "120");
  const ticket = await ticketFor(cell, gates, turn);
  if (ticket !== undefined) search.set("ticket", ticket);
  const path = `/${way.transport}/${addressOf(place.definition)}`;
  const question = shown(cell, { url: gateway.url, path, headers }, search);
  return way.transport === "ws" ? Asked.ws(question) : Asked.http(question);
}

function sinceOf({ way, place }: Cell): string | undefined {
  if (way.from === "now") return undefined;
  if (way.from === "garbage") return "0-globex";
  if (way.from === "held") return place.cursors.newest;
  return way.from === "the other org's cursor" ? place.cursors.globex : place.cursors.acme;
}

/** The question with the token where the way carries it; whoever shows a ticket that is to count shows no token. */
function shown({ asker, way }: Cell, question: Question, search: URLSearchParams): Question {
  const { token } = asker;
  const isByTicket = way.ticket !== undefined && way.ticket !== "of the other org, besides";
  const isSilent = token === undefined || (isByTicket && asker.refused === undefined);
  if (!isSilent && way.carrier === "query") search.set("token", token);
  const path = search.size === 0 ? question.path : `${question.path}?${search}`;
  const page = { ...question.headers, origin: question.url };
  if (way.carrier === "subprotocol")
    return { ...question, path, headers: page, protocols: isSilent ? [] : ["token", token] };
  if (isSilent || way.carrier === "query") return { ...question, path };
  const more: Record<string, string> = way.carrier === "cookie" ? { cookie: `skein_session=${token}` } : bearer(token);
  return { ...question, path, headers: { ...question.headers, ...more } };
}

async function ticketFor({ asker, way, place }: Cell, gates: Gates, turn: number): Promise<string | undefined> {
  if (way.ticket === undefined) return undefined;
  const { tokens } = gates;
  const gateway = gates.gateways[(turn + 1) % gates.gateways.length];
  const url = gateway?.url ?? "";
  // Nobody can make a ticket of nothing.
  if (asker.token === undefined) return `${Buffer.from("globex").toString("base64url")}.${"A".repeat(43)}`;
  const token = asker.refused === undefined ? asker.token : tokens.acme;
  const address = addressOf(place.definition);
  if (way.ticket === "of the other org, besides") return issue(url, tokens.globex, address);
  if (way.ticket === "of another stream") return issue(url, token, addressOf(place.neighbour));
  const ticket = await issue(url, token, address);
  if (way.ticket === "used") await Asked.http({ url, path: `/poll/${address}?ticket=${ticket}` }).whole();
  if (way.ticket === "moved to the other org")
    return ticket.replace(/^[^.]+/, Buffer.from("globex").toString("base64url"));
  return ticket;
}

async function issue(url: string, token: string, stream: string): Promise<string> {
  const body = JSON.stringify({ stream });
  const asked = Asked.http({ url, path: "/api/tickets", method: "POST", headers: bearer(token), body });
  await asked.whole();
  if (asked.status !== 201) throw new Error(`No ticket: ${asked.bytes}`);
  return JSON.parse(asked.body).ticket;
}
