import { Failure } from "../protocol/failure.ts";
import type { Connection } from "./connection.ts";

/** What JetStream answered instead of doing what it was asked. */
export class JetStreamError extends Error {
  /** NATS's own number for it; see `errors`. */
  readonly errorCode: number;
  /** The HTTP status of the same meaning. */
  readonly status: number;

  constructor({ err_code, code, description }: { err_code: number; code: number; description: string }) {
    super(description);
    this.name = "JetStreamError";
    this.errorCode = err_code;
    this.status = code;
  }
}

/** The errors of JetStream that mean something to us, by their number (nats-server `server/errors.json`). */
export const errors = {
  noMessage: 10037,
  noAccount: 10039,
  noStream: 10059,
  wrongSequence: 10071,
  noJetStream: 10076,
} as const;

/** Whether JetStream refused with that error. */
export function isError(thrown: unknown, name: keyof typeof errors): boolean {
  return thrown instanceof JetStreamError && thrown.errorCode === errors[name];
}

/** What JetStream answers about a stream. Times are in nanoseconds, as everywhere in its API. */
export interface StreamInfo {
  readonly created: string;
  readonly config: Record<string, unknown>;
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly bytes: number };
}

/** What it answers about a consumer that was made. */
export interface ConsumerInfo {
  readonly name: string;
  readonly num_pending: number;
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number };
}

/** A stored message as `STREAM.MSG.GET` answers it, body and headers in base64. */
export interface StoredMessage {
  readonly message: {
    readonly subject: string;
    readonly seq: number;
    readonly data?: string;
    readonly hdrs?: string;
    readonly time: string;
  };
}

const timeoutMs = 5_000;
const utf8 = new TextEncoder();
const text = new TextDecoder();

/**
 * One request to JetStream's API, say `STREAM.INFO.SKEIN_RUNS`.
 *
 * Throws `bus_away` when no answer came, a JetStreamError when it was refused, an Error that says what to do when the
 * server has no JetStream.
 */
export async function call<Answer>(connection: Connection, verb: string, body?: object): Promise<Answer> {
  try {
    const data = body ? utf8.encode(JSON.stringify(body)) : new Uint8Array(0);
    const { data: answer } = await connection.request(`$JS.API.${verb}`, { data, timeoutMs });
    return parseAnswer<Answer>(answer);
  } catch (thrown) {
    throw away(connection, thrown);
  }
}

/** An answer of JetStream; throws a JetStreamError when it is a refusal. */
export function parseAnswer<Answer>(data: Uint8Array): Answer {
  const answer = JSON.parse(text.decode(data));
  if (answer.error) throw new JetStreamError(answer.error);
  return answer;
}

/** Nobody answers on the API's subjects while a cluster elects a leader, too: only the server's own word is final. */
function away(connection: Connection, thrown: unknown): unknown {
  const missing = isError(thrown, "noAccount") || isError(thrown, "noJetStream");
  const silent = thrown instanceof Failure && thrown.code === "no_responder";
  if (missing || (silent && connection.state === "up" && !connection.hasJetStream)) {
    return new Error(
      "This NATS server has no JetStream: start nats-server with -js, or add jetstream {} to its configuration",
    );
  }
  return silent ? new Failure("bus_away", "The bus is not ready") : thrown;
}

/** What the subject a message is acknowledged on tells about it. */
export interface Receipt {
  readonly position: number;
  /** Counts the deliveries of one consumer from 1. */
  readonly delivery: number;
  readonly atMs: number;
  /** How many messages this consumer has still to deliver. */
  readonly behind: number;
}

/** Whether a message was delivered from a stream; heartbeats and flow control are not. */
export function isDelivery(reply: string | undefined): reply is string {
  return reply?.startsWith("$JS.ACK.") === true;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<times>.<position>.<delivery>.<time>.<behind>`, or its second version, which has
 * two more tokens (domain and account) after `$JS.ACK` and possibly more at the end.
 */
export function parseReceipt(reply: string): Receipt {
  const tokens = reply.split(".");
  const shift = tokens.length >= 11 ? 2 : 0;
  return {
    position: Number(tokens[5 + shift]),
    delivery: Number(tokens[6 + shift]),
    atMs: Math.floor(Number(tokens[7 + shift]) / 1e6),
    behind: Number(tokens[8 + shift]),
  };
}
