import type { AnyFrame } from "./frame.ts";
import type { Message } from "./link.ts";
import type { Refusal } from "./skein.ts";
import type { Answer, Asking, Surroundings } from "./surroundings.ts";

/** One connection over one transport. What it is told before it is open it does as soon as it is. */
export interface Wire {
  /** Follows a stream from where `Place.start` says. */
  follow(name: string): void;
  leave(name: string): void;
  /** Says that somebody is here, where the other side does not know by itself. */
  ping?(): void;
  /** Brings about a sign of life at once, if there is life. */
  check(): void;
  /** Says something to a stream, where that is possible; false when it cannot be said now. */
  say?(name: string, message: Message): boolean;
  /** Goes on as the bearer of a newer token, where the next request does not do that by itself. */
  renew?(token: string, connection: unknown): void;
  /** Ends it; nothing of it is heard any more. */
  close(): void;
}

/** Why a wire ended: it may be tried again, nobody knows who we are, or it makes no sense to try again. */
export interface Ending {
  readonly type?: never;
  readonly kind: "lost" | "unknown" | "denied";
  readonly refusal?: Refusal | undefined;
  /** How long to wait at the least before trying again. */
  readonly afterMs?: number;
}

/** Where a stream begins on a new wire. */
export interface Start {
  readonly since: string | undefined;
  /** What the stream was told and has to be told again. */
  readonly said: Iterable<Message>;
}

/** What a wire has to say, each with what belongs to it. */
interface Signals {
  /** There is life. */
  heard: [];
  /** A frame of a stream, also `error` and `unsubscribed`. */
  frame: [name: string, frame: AnyFrame];
  /** The stream goes on from there, whether frames came or not. */
  moved: [name: string, cursor: string | undefined];
  /** The token is about to end; with what the gateway calls this connection. */
  expiring: [connection: unknown];
  /** It has begun anew by itself, and is to be watched. */
  doubt: [];
  ended: [ending: Ending];
}

/** Who hears what a wire has to say. */
export type Hear = <Kind extends keyof Signals>(kind: Kind, ...said: Signals[Kind]) => void;

/** What is done about each signal. */
export type Answers = { readonly [Kind in keyof Signals]: (...said: Signals[Kind]) => void };

/** Where a wire leads to, and as whom. */
export interface Place {
  readonly surroundings: Surroundings;
  /** The gateway's address, with `/` at its end. */
  readonly base: string;
  readonly token: string | undefined;
  readonly start: (name: string) => Start;
}

/** Opens a wire. May throw. */
export type WireMaker = new (place: Place, hear: Hear) => Wire;

/** An error frame as far as it is read. */
export interface ErrorFrame extends AnyFrame {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly retry_after?: number;
}

/** Whether a frame is an error of the protocol; events of a stream that are called `error` have no `code`. */
export function isError(frame: AnyFrame | Ending): frame is ErrorFrame {
  return frame.type === "error" && typeof frame.code === "string" && frame.instance_id === undefined;
}

/** Reads what a gateway says; nothing when it is not a gateway that says it. */
export function parse(text: string): AnyFrame | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    return isFrame(frame) ? frame : undefined;
  } catch {
    return undefined;
  }
}

function isFrame(frame: unknown): frame is AnyFrame {
  return typeof frame === "object" && frame !== null;
}

/** A frame of one stream of several. */
interface Covered extends AnyFrame {
  readonly stream: string;
  readonly frame: AnyFrame;
}

export function isCovered(frame: AnyFrame): frame is Covered {
  return typeof frame.stream === "string" && isFrame(frame.frame);
}

/** Whether a frame is the last of its stream; a room's own farewell names the room. */
export function isFarewell(frame: AnyFrame): boolean {
  return frame.type === "unsubscribed" && frame.instance_id === undefined;
}

/** Why, without the rest of the frame. */
export function refusalOf({ code, message }: Refusal): Refusal {
  return { code, message };
}

const passing = /^too_many|_away$|^no_responder|^internal|^shutting/;

/** Whether what a code says is so for now only. */
export function isPassing(code: string): boolean {
  return passing.test(code);
}

/** Close codes after which it makes no sense to try again. */
const final = /^100[89]|^44(0[0-7]|1)/;

/** What the client does after a close code or, 4000 less, the status of an answer. */
export function endingOf(code: number, error?: ErrorFrame): Ending {
  const kind = code === 4401 ? "unknown" : final.test(String(code)) ? "denied" : "lost";
  return { kind, refusal: error && refusalOf(error), afterMs: 1000 * (error?.retry_after ?? 0) };
}

/** Asks the gateway for something below its address. */
export function ask({ surroundings, base, token }: Place, path: string, asking: Asking): Promise<Answer> {
  const headers = { ...asking.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  return surroundings.fetch(base + path, { credentials: "same-origin", cache: "no-store", ...asking, headers });
}

/** Why an answer is none: an end of everything, or the error of one stream. */
export async function turnedAway(answer: Answer, { token }: Place): Promise<Ending | ErrorFrame> {
  const error = parse(await answer.text());
  const { status } = answer;
  // Not a gateway's answer: something on the way.
  if (!error || !isError(error)) return lost;
  const isOfStream = error.code === "token_required" ? !token : status % 100 !== 1 && status < 429;
  if (isOfStream && !error.code.startsWith("forbidden_")) return error;
  return endingOf(4000 + status, error);
}

/** Nobody knows why. */
export const lost: Ending = { kind: "lost" };

/** What follows from an error that ends a connection without a code of its own. */
export function endingBy(error: ErrorFrame | undefined): Ending {
  return endingOf(error?.code.startsWith("token_") ? 4401 : 0, error);
}

/** The stream's name with a place to go on from in its query. */
export function fromThere(name: string, since: string): string {
  return `${name}${name.includes("?") ? "&" : "?"}since=${encodeURIComponent(since)}`;
}
