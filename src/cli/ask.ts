import { z } from "zod";
import { Explained, messageOf } from "./explained.ts";

/** What is asked besides the address. */
export interface Question {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Goes as JSON. */
  readonly body?: unknown;
  /** A body that is JSON already. */
  readonly text?: string;
}

/** A gateway said no. */
export class Refused extends Explained {
  /** The code of the failure; `unreadable` when whoever answered was no gateway. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const failure = z.object({ code: z.string(), message: z.string() });

/** What to do about a refusal, where its message does not say. */
const advice: Readonly<Record<string, string>> = {
  instance_not_found: "skein ps -a shows all there are",
};

/** Asks a gateway and gives the text of its answer. Throws Refused when it says no, Explained when nobody answers. */
export async function ask(url: string, path: string, question: Question = {}): Promise<string> {
  const { method = "GET", body, text: said = body === undefined ? undefined : JSON.stringify(body) } = question;
  const sent = said === undefined ? {} : { body: said, headers: { "Content-Type": "application/json" } };
  const response = await fetch(`${url}${path}`, { method, ...sent }).catch((thrown: unknown) => {
    throw unanswered(url, thrown);
  });
  const text = await response.text().catch((thrown: unknown) => {
    throw unanswered(url, thrown);
  });
  if (response.ok) return text;
  throw refusalIn(text) ?? new Refused("unreadable", `What answers at ${url} is no gateway (${response.status})`);
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

function refusalIn(text: string): Refused | undefined {
  const { data } = failure.safeParse(jsonIn(text));
  if (data === undefined) return undefined;
  const hint = advice[data.code];
  return new Refused(data.code, hint === undefined ? data.message : `${data.message}; ${hint}`);
}

function unanswered(url: string, thrown: unknown): Explained {
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
