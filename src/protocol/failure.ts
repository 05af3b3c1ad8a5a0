import { Frame } from "./frame.ts";

/** Every reason a request is refused: its HTTP status and, when that is not 4000 + status, its WebSocket close code. */
const failures = {
  bad_query: { status: 400 },
  bad_request: { status: 400 },
  invalid_body: { status: 400 },
  invalid_message: { status: 400, close: 1008 },
  token_required: { status: 401 },
  token_invalid: { status: 401 },
  token_expired: { status: 401 },
  token_revoked: { status: 401 },
  ticket_invalid: { status: 401 },
  forbidden: { status: 403 },
  forbidden_origin: { status: 403 },
  forbidden_host: { status: 403 },
  unknown_stream: { status: 404 },
  unknown_subject: { status: 404 },
  unknown_template: { status: 404 },
  message_not_found: { status: 404 },
  not_found: { status: 404 },
  instance_not_found: { status: 404 },
  connection_not_found: { status: 404 },
  conflict: { status: 409 },
  owned_by_node: { status: 409 },
  instance_deleted: { status: 410 },
  body_too_large: { status: 413 },
  message_too_large: { status: 413, close: 1009 },
  upgrade_required: { status: 426 },
  too_many_connections: { status: 429 },
  too_many_subscriptions: { status: 429 },
  too_many_messages: { status: 429 },
  too_many_publishes: { status: 429 },
  too_many_reads: { status: 429 },
  internal: { status: 500 },
  bus_away: { status: 503 },
  keys_away: { status: 503 },
  no_responder: { status: 503 },
  node_away: { status: 503 },
  shutting_down: { status: 503, close: 1001 },
} as const satisfies Record<string, { status: number; close?: number }>;

export type FailureCode = keyof typeof failures;

/** Why a request was refused: a stable code for programs and a message for people that leaks nothing internal. */
export class Failure extends Error {
  readonly code: FailureCode;
  /** How soon it makes sense to try again, in milliseconds; undefined when nobody knows. */
  readonly retryAfterMs: number | undefined;

  constructor(code: FailureCode, message: string, options?: FailureOptions) {
    super(message, options);
    this.name = "Failure";
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
  }

  /** What any thrown thing looks like from outside: a Failure as it is, everything else as `internal` with it as cause. */
  static from(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    return new Failure("internal", "Something went wrong on our side", { cause: thrown });
  }

  get status(): (typeof failures)[FailureCode]["status"] {
    return failures[this.code].status;
  }

  /** The WebSocket close code (RFC 6455, section 7.4). */
  get closeCode(): number {
    const row: { status: number; close?: number } = failures[this.code];
    return row.close ?? 4000 + row.status;
  }

  /** How soon to try again in whole seconds, as `Retry-After` has it (RFC 9110, section 10.2.3). */
  get retryAfterSeconds(): number | undefined {
    return this.retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(this.retryAfterMs / 1000));
  }

  /** The error frame, the same on every transport. */
  get frame(): Frame {
    const wait = this.retryAfterSeconds;
    const retry = wait === undefined ? {} : { retry_after: wait };
    return new Frame({ type: "error", code: this.code, message: this.message, ...retry });
  }
}

interface FailureOptions extends ErrorOptions {
  readonly retryAfterMs?: number;
}
