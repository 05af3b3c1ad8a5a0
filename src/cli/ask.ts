import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { advised } from "./advice.ts";
import { Explained, messageOf } from "./explained.ts";
import { type Gateway, identifying } from "./gateway.ts";

/** What is asked besides the address. */
export interface Question {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Goes as JSON. */
  readonly body?: unknown;
  /** A body that is JSON already. */
  readonly text?: string;
  /** With it, a command that is given twice counts once. */
  readonly key?: string | undefined;
}

/** A gateway said no. */
export class Refused extends Explained {
  /** The code of the failure; `unreadable` when whoever answered was no gateway. */
  readonly code: string;
  /** The status of the answer. */
  readonly status: number;
  /** How long to wait before asking again, in milliseconds; undefined when the gateway did not say. */
  readonly retryAfterMs: number | undefined;

  constructor({ code, status, retryAfterMs }: Refusal, message: string) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly retryAfterMs?: number | undefined;
}

const failure = z.object({ code: z.string(), message: z.string(), retry_after: z.number().optional() });

/** How long one question waits in all where a gateway says that it is asked too often. */
const patienceMs = 30_000;

/**
 * Asks a gateway and gives the text of its answer. It is asked again when the token was refused and its file has another by
 * now, and when it was asked too often: as late as it says, for half a minute.
 *
 * Throws Refused when it says no, Explained when nobody answers.
 */
export async function ask(gateway: Gateway, path: string, question: Question = {}): Promise<string> {
  for (let waitedMs = 0; ; ) {
    const { response, text } = await answerTo(gateway, path, question);
    if (response.ok) return text;
    if (response.status === 401 && gateway.credential?.renew()) continue;
    const refused = refusalIn(response, text);
    const pauseMs = response.status === 429 ? refused?.retryAfterMs : undefined;
    if (pauseMs === undefined || waitedMs + pauseMs > patienceMs) {
      const status = response.status;
      const why = `What answers at ${gateway.url} is no gateway (${status})`;
      throw refused ?? new Refused({ code: "unreadable", status }, why);
    }
    waitedMs += pauseMs;
    await setTimeout(pauseMs);
  }
}

async function answerTo(gateway: Gateway, path: string, question: Question) {
  const { method = "GET", body, text: said = body === undefined ? undefined : JSON.stringify(body), key } = question;
  const headers = {
    ...identifying(gateway),
    ...(said !== undefined && { "Content-Type": "application/json" }),
    ...(key !== undefined && { "Idempotency-Key": key }),
  };
  try {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers,
      ...(said !== undefined && { body: said }),
    });
    return { response, text: await response.text() };
  } catch (thrown) {
    throw unanswered(gateway, thrown);
  }
}

/** Asks a gateway for JSON of a certain shape. Throws as `ask` does. */
export async function askFor<Shape>(shape: z.ZodType<Shape>, asked: Promise<string>): Promise<Shape> {
  const parsed = shape.safeParse(jsonIn(await asked));
  if (parsed.success) return parsed.data;
  throw new Explained("The gateway answered in a way that this skein does not understand; are both of one version?");
}

/** An address below /api/instances. */
export function instancePath(name: string, command = ""): string {
  return `/api/instances/${encodeURIComponent(name)}${command && `/${command}`}`;
}

/** The failure that an answer tells of, with what to do about it; undefined when it tells of none. */
function refusalIn({ status, headers }: Response, text: string): Refused | undefined {
  const { data } = failure.safeParse(jsonIn(text));
  if (data === undefined) return undefined;
  const { code, message, retry_after: seconds = secondsIn(headers) } = data;
  const retryAfterMs = seconds === undefined ? undefined : seconds * 1000;
  return new Refused({ code, status, retryAfterMs }, advised(code, message));
}

function secondsIn(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}

function unanswered({ url }: Gateway, thrown: unknown): Explained {
  const why = messageOf(thrown instanceof Error ? (thrown.cause ?? thrown) : thrown);
  return new Explained(`No gateway answers at ${url} (${why || "no connection"}); start one with: skein start`);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
