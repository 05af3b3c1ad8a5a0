import type { Guard } from "../auth/guard.ts";
import type { Origins } from "../auth/origin.ts";
import { type Principal, whoIs } from "../auth/principal.ts";
import type { Hub } from "../hub/hub.ts";
import type { Quotas } from "../limits/quotas.ts";
import { Visitor } from "../limits/visitor.ts";
import { Failure } from "../protocol/failure.ts";
import { requireAccess } from "../stream/access.ts";
import type { Definition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { parseQuery } from "../stream/query.ts";
import { type Admission, Guest, type Request } from "./guest.ts";

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
    return new Guest(principal, visitor, () => this.#admit(principal, request));
  }

  /** Throws the Failure that says why not: closing, for what, allowed, with which query, since when. */
  #admit(principal: Principal, { path, search, headers }: Request): Admission {
    const { definitions, hub } = this.#parts;
    if (this.#parts.isClosing()) throw new Failure("shutting_down", "This gateway is shutting down; reconnect");
    const { definition, params } = find(definitions, path);
    if (definition.kind === "rooms") throw new Failure("unknown_stream", `No stream "${path}"`);
    const query = parseQuery<Readonly<Record<string, unknown>>>(definition.query, search);
    requireAccess(definition.access, principal, { ...query, ...params });
    // An EventSource that reconnects repeats its address, `since` and all; where it really stands is in its header.
    const since = headers.get("last-event-id") ?? search.get("since") ?? undefined;
    return { since, view: { query, scope: principal.scope }, channel: hub.channel(definition, principal.org, params) };
  }
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
  throw new Failure("unknown_stream", `No stream "${path}"`);
}

/** One spelling for all addresses of a stream; what a ticket is bound to. Throws `bad_request`. */
export function streamName(path: string): string {
  return segmentsOf(path).map(encodeURIComponent).join("/");
}

/** The segments of a path, decoded. Throws `bad_request` when one is not encoded as UTF-8. */
export function segmentsOf(path: string): string[] {
  try {
    // Half a character, which JSON can say, is no text that could be written down again.
    if (!path.isWellFormed()) throw new URIError();
    return path.split("/").map(decodeURIComponent);
  } catch {
    throw new Failure("bad_request", `Path "${path}" is not percent-encoded UTF-8`);
  }
}
