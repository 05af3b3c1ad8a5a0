import type { Principal } from "../auth/principal.ts";
import type { Channel } from "../hub/channel.ts";
import type { Hub } from "../hub/hub.ts";
import { Failure } from "../protocol/failure.ts";
import type { Definition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { parseQuery } from "../stream/query.ts";

/** What a client asks for, whatever the transport. */
export interface Request {
  /** Below the transport's prefix: `runs/r1`. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: Headers;
}

/** What a client was granted. */
export interface Admission {
  readonly principal: Principal;
  readonly channel: Channel;
  readonly query: unknown;
  /** The cursor to go on from, as the client gave it. */
  readonly since: string | undefined;
}

/** The one way in: every refusal of a stream happens here. */
export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Lets a client in or throws the Failure that says why not: who asks, for what, allowed, with which query, since when. */
  admit(request: Request): Admission {
    const { definitions, hub, identify } = this.#parts;
    if (this.#parts.isClosing()) throw new Failure("shutting_down", "This gateway is shutting down; reconnect");
    const principal = identify(request.headers);
    const { definition, params } = find(definitions, request.path);
    const query = parseQuery<unknown>(definition.query, request.search);
    // An EventSource that reconnects repeats its address, `since` and all; where it really stands is in its header.
    const since = request.headers.get("last-event-id") ?? request.search.get("since") ?? undefined;
    return { principal, query, since, channel: hub.channel(definition, principal.org, params) };
  }
}

interface GateParts {
  readonly definitions: readonly Definition[];
  readonly hub: Hub;
  /** Who asks. */
  readonly identify: (headers: Headers) => Principal;
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

/** The segments of a path, decoded. Throws `bad_request` when one is not encoded as UTF-8. */
export function segmentsOf(path: string): string[] {
  try {
    return path.split("/").map(decodeURIComponent);
  } catch {
    throw new Failure("bad_request", `Path "${path}" is not percent-encoded UTF-8`);
  }
}
