import { Failure } from "./failure.ts";
import { Frame } from "./frame.ts";
import { jsonInText } from "./json.ts";

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
  return textIn(message, "token");
}

/** A text in a client's message. Throws `invalid_message`. */
export function textIn(message: ClientMessage, field: string): string {
  const { [field]: value } = message;
  if (typeof value === "string") return value;
  throw new Failure("invalid_message", `Message field "${field}": must be a text`);
}

/** A text that a client's message may have. Throws `invalid_message`. */
export function maybeTextIn(message: ClientMessage, field: string): string | undefined {
  return message[field] === undefined ? undefined : textIn(message, field);
}

/**
 * Reads what a client said.
 *
 * Throws `invalid_message` when it is not a JSON object with a `type`.
 */
export function parseMessage(text: string): ClientMessage {
  const value = jsonInText(text, { fault: "invalid_message", what: "A message" });
  if (!isMessage(value)) throw new Failure("invalid_message", 'A message must be a JSON object with a "type"');
  return value;
}

function isMessage(value: unknown): value is ClientMessage {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
