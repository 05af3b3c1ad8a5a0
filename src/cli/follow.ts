import { z } from "zod";
import { advised } from "./advice.ts";
import type { Gateway } from "./gateway.ts";

/** A stream being followed. */
export interface Follow {
  readonly gateway: Gateway;
  /** Its path and its query. */
  readonly stream: string;
  /** The cursor to go on from; moves on with every frame. */
  since: string | undefined;
  readonly print: (frame: string) => Promise<void>;
}

/** How a connection ended: the stream is over, it was lost and can be tried again, or we were refused. */
export type End = { readonly kind: "over" } | Lost | Refusal;

interface Lost {
  readonly kind: "lost";
  readonly message: string;
  /** How long to wait before trying again, in milliseconds; undefined when the gateway did not say. */
  readonly retryAfterMs?: number | undefined;
}

/** `unknown`: who we are, which another token may mend. */
interface Refusal {
  readonly kind: "refused" | "unknown";
  readonly message: string;
}

export type Transport = "ws" | "sse" | "poll";

/** The address of a stream over a transport, from where it was last left. */
export function addressOf({ gateway, stream, since }: Follow, transport: Transport): URL {
  const url = new URL(`${gateway.url}/${transport}/${stream.replace(/^\//, "")}`);
  if (since !== undefined) url.searchParams.set("since", since);
  return url;
}

/** Takes in the frames of one connection: each is printed, and its cursor is where to go on. */
export class Sight {
  readonly #follow: Follow;
  #held: string | undefined;
  #printed = Promise.resolve();

  constructor(follow: Follow) {
    this.#follow = follow;
  }

  /** The error that the connection ended with, once it has ended; the frame of that error is nothing to print. */
  get error(): ErrorFrame | undefined {
    return this.#held === undefined ? undefined : errorIn(this.#held);
  }

  /** Settles when everything so far is printed. */
  get printed(): Promise<void> {
    return this.#printed;
  }

  see(frame: string): Promise<void> {
    if (frame.startsWith('{"type":"ping"')) return this.#printed;
    if (this.#held !== undefined) this.#print(this.#held);
    this.#held = errorIn(frame) ? frame : undefined;
    if (this.#held === undefined) this.#print(frame);
    return this.#printed;
  }

  #print(frame: string): void {
    this.#printed = this.#printed.then(() => {
      const { cursor } = JSON.parse(frame) as { cursor?: string };
      this.#follow.since = cursor ?? this.#follow.since;
      return this.#follow.print(frame);
    });
  }
}

const failure = z.object({
  type: z.literal("error"),
  code: z.string(),
  message: z.string(),
  retry_after: z.number().optional(),
});

/** Why a gateway ends something, as its error frame says. */
export type ErrorFrame = z.infer<typeof failure>;

/** The error frame that a text is, if it is one. */
export function errorIn(text: string): ErrorFrame | undefined {
  return text.startsWith('{"type":"error"') ? failure.safeParse(JSON.parse(text)).data : undefined;
}

/** What a refusal with an HTTP status means; a close code means what the status means that it is 4000 more than. */
export function refusalOf(status: number, error: ErrorFrame | undefined, retryAfter?: string | null): End {
  const message = advised(error?.code, error?.message ?? `the gateway answered ${status}`);
  if (status === 401) return { kind: "unknown", message };
  if (status !== 408 && status !== 429 && status < 500) return { kind: "refused", message };
  const seconds = error?.retry_after ?? Number(retryAfter ?? Number.NaN);
  return { kind: "lost", message, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined };
}
