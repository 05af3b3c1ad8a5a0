import { Failure } from "./failure.ts";
import { Frame } from "./frame.ts";

/** What a client says on a WebSocket: a JSON object told apart by `type`. */
export interface ClientMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Message types that belong to the protocol; a stream cannot define its own of these names. */
export const reservedMessages: ReadonlySet<string> = new Set(["ping", "auth", "subscribe", "unsubscribe"]);

/** The answer to a client's ping. */
export const pong = new Frame({ type: "pong" });

/** The answer to a client's new token: until when it counts. */
export function authenticated(expiresAtMs: number): Frame {
  return new Frame({ type: "authenticated", expires_at: new Date(expiresAtMs).toISOString() });
}

/** The token in a client's `auth`. Throws `invalid_message`. */
export function parseAuth(message: ClientMessage): string {
  if (typeof message.token === "string") return message.token;
  throw new Failure("invalid_message", 'Message field "token": must be a text');
}

/**
 * Reads what a client said.
 *
 * Throws `invalid_message` when it is not a JSON object with a `type`.
 */
export function parseMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Failure("invalid_message", "A message must be JSON");
  }
  if (!isMessage(value)) throw new Failure("invalid_message", 'A message must be a JSON object with a "type"');
  return value;
}

function isMessage(value: unknown): value is ClientMessage {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
