import { z } from "zod";
import type { Guard } from "../auth/guard.ts";
import type { Origins } from "../auth/origin.ts";
import { type Principal, whoIs } from "../auth/principal.ts";
import type { Hub } from "../hub/hub.ts";
import type { Quotas } from "../limits/quotas.ts";
import { Visitor } from "../limits/visitor.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import { requireAccess } from "../stream/access.ts";
import type { Definition, SourcedDefinition } from "../stream/define.ts";
import { type Params, segmentsOf } from "../stream/path.ts";
import { parseQuery, reservedQuery } from "../stream/query.ts";
import {
  type Admission,
  type AskedRoom,
  type AskedStream,
  Guest,
  type Request,
  type StreamAdmission,
} from "./guest.ts";

/** The one way in: every refusal of a stream happens here. */
export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /**
   * Finds out who asks, and counts it as one more of a rate.
   *
   * Throws the Failure that says why nobody may ask like that.
   */
  async welcome(request: Request, rate: Visit): Promise<Guest> {
    const { guard, origins, quotas } = this.#parts;
    const { headers, search, path, address } = request;
    origins.refuseCrossSite(headers);
    const visitor = new Visitor(quotas, address);
    // Before anybody looks at a token: whoever tries many must wait like others.
    visitor.spend(rate);
    const principal = await guard.identify({ headers, search, stream: streamName(path) });
    visitor.introduce(whoIs(principal), rate);
    return new Guest(principal, visitor, (asked = askedBy(request)) => this.#admit(principal, asked));
  }

  /** Throws the Failure that says why not: closing, for what, allowed, with which query, since when. */
  #admit(principal: Principal, asked: AskedStream | AskedRoom): Admission {
    if (this.#parts.isClosing()) throw new Failure("shutting_down", "This gateway is shutting down; reconnect");
    if ("room" in asked) return this.#admitTo({ definition: asked.room, params: asked.params }, principal, asked);
    const { path, search, since } = asked;
    if (path === "") {
      parseQuery(nothing, search);
      return { kind: "many", streams: [...new Set(search.getAll("stream"))], since };
    }
    const { definition, params } = find(this.#parts.definitions, path);
    if (definition.kind !== "rooms") return this.#admitTo({ definition, params }, principal, asked);
    requireAccess(definition.access, principal, {});
    const names = [...new Set(search.getAll(definition.param))];
    const rest = new URLSearchParams([...search].filter(([name]) => name !== definition.param));
    parseQuery(definition.room.query, rest);
    return { kind: "rooms", name: path, definition, names, search: rest, since };
  }

  #admitTo({ definition, params }: Target, principal: Principal, { search, since }: Asked): StreamAdmission {
    const query = parseQuery<Readonly<Record<string, unknown>>>(definition.query, search);
    requireAccess(definition.access, principal, { ...query, ...params });
    const channel = this.#parts.hub.channel(definition, principal.org, params);
    const name = nameOf({ definition, params }, search);
    return { kind: "stream", name, since, view: { query, scope: principal.scope }, channel };
  }
}

/** What a request asks for itself. */
function askedBy({ path, search, headers }: Request): AskedStream {
  // An EventSource that reconnects repeats its address, `since` and all; where it really stands is in its header.
  return { path, search, since: headers.get("last-event-id") ?? search.get("since") ?? undefined };
}

/** A stream's path and query in one spelling, without what belongs to the protocol, such as a token. */
function nameOf({ definition, params }: Target, search: URLSearchParams): string {
  const path = definition.pathPattern.fill((name) => encodeURIComponent(params[name] ?? "")).join("/");
  if (search.size === 0) return path;
  const query = new URLSearchParams([...search].filter(([name]) => !reservedQuery.has(name)));
  return query.size === 0 ? path : `${path}?${query}`;
}

/** A connection with many streams has no query parameters but the protocol's. */
const nothing = z.strictObject({});

type Asked = Pick<AskedStream, "search" | "since">;

interface Target {
  readonly definition: SourcedDefinition;
  readonly params: Params;
}

/** What a newcomer is counted as: somebody who stays, or somebody who looks. */
type Visit = "connects" | "reads";

interface GateParts {
  readonly definitions: readonly Definition[];
  readonly hub: Hub;
  readonly guard: Guard;
  readonly origins: Origins;
  readonly quotas: Quotas;
  readonly isClosing: () => boolean;
}

function find(definitions: readonly Definition[], path: string): { definition: Definition; params: Params } {
  const segments = segmentsOf(path);
  for (const definition of definitions) {
    const params = definition.pathPattern.match(segments);
    if (params && !Object.values(params).includes("")) return { definition, params };
  }
  throw new Failure("unknown_stream", `No stream "${echoed(path)}"`);
}

/** One spelling for all addresses of a stream; what a ticket is bound to. Throws `bad_request`. */
export function streamName(path: string): string {
  return segmentsOf(path).map(encodeURIComponent).join("/");
}
