import type { Tone } from "../pulse.ts";
import type { ClosedConnection } from "./report.ts";

/** How a connection ended, for people. */
export interface Farewell {
  readonly tone: Tone;
  readonly text: string;
}

/** What our own reasons mean. */
const reasons: Readonly<Record<string, Farewell>> = {
  done: { tone: "good", text: "The stream was over" },
  "going away": { tone: "idle", text: "The gateway was shutting down" },
  shutting_down: { tone: "idle", text: "The gateway was shutting down" },
  idle: { tone: "idle", text: "The client had said nothing for 90 s" },
  "accepted no byte": { tone: "bad", text: "The client had accepted no byte for 30 s" },
  token_expired: { tone: "busy", text: "The token had expired" },
  token_revoked: { tone: "bad", text: "The token was revoked" },
  token_invalid: { tone: "bad", text: "The new token did not count" },
  forbidden: { tone: "bad", text: "The client may not do that" },
  invalid_message: { tone: "bad", text: "The client said something that is not known" },
  too_many_messages: { tone: "bad", text: "The client said too much" },
  too_many_reads: { tone: "bad", text: "The client asked for too many snapshots" },
  too_many_subscriptions: { tone: "bad", text: "The client asked for too many streams" },
  bus_away: { tone: "bad", text: "The bus was away" },
  no_responder: { tone: "bad", text: "No logs agent answered" },
  instance_deleted: { tone: "idle", text: "The instance was deleted" },
  instance_not_found: { tone: "bad", text: "There is no such instance" },
  unknown_stream: { tone: "bad", text: "There is no such stream" },
  bad_query: { tone: "bad", text: "A query parameter is not known" },
  internal: { tone: "bad", text: "A defect of the gateway; its log has more" },
};

/** What a WebSocket's close code means when a client, or nobody, said it (RFC 6455, 7.4.1). */
const codes: Readonly<Record<number, Farewell>> = {
  1000: { tone: "good", text: "The client had done what it came for" },
  1001: { tone: "idle", text: "The page was left" },
  1005: { tone: "idle", text: "The client closed it" },
  1006: { tone: "busy", text: "The connection was lost" },
  1009: { tone: "bad", text: "The client said something too long" },
};

/** How a connection ended, in words. */
export function farewellOf({ by, code, reason, transport }: ClosedConnection): Farewell {
  if (by === "gateway") return reasons[reason ?? ""] ?? { tone: "unknown", text: reason ?? "The gateway closed it" };
  if (code === null)
    return { tone: "idle", text: transport === "sse" ? "The client went away" : "The client closed it" };
  return codes[code] ?? { tone: "unknown", text: "The client closed it with a code of its own" };
}
