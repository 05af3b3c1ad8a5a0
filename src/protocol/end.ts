import type { Failure } from "./failure.ts";
import type { Frame } from "./frame.ts";

/** Why a session stopped. */
export interface End {
  /** The WebSocket close code (RFC 6455, section 7.4). */
  readonly code: number;
  readonly reason: string;
  /** The last frame before the end, when there is something to say. */
  readonly frame?: Frame;
  /** The defect of ours behind it, for our own log. */
  readonly fault?: unknown;
}

/** Every ordinary reason for a session to stop. */
export const ends = {
  done: { code: 1000, reason: "done" },
  goingAway: { code: 1001, reason: "going away" },
  idle: { code: 1001, reason: "idle" },
  stuck: { code: 4408, reason: "accepted no byte" },
} as const satisfies Record<string, End>;

/** The end of a session that failed: its error frame, then its close code. */
export function failed(failure: Failure): End {
  return { code: failure.closeCode, reason: failure.code, frame: failure.frame, fault: failure.cause };
}
