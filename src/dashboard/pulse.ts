import type { Status, Transport } from "../client/index.ts";

/** How a badge looks. Colour is never all that it says. */
export type Tone = "good" | "busy" | "bad" | "idle" | "unknown";

/** What the badge in the head of the page says of the connection. */
export interface Pulse {
  readonly tone: Tone;
  readonly text: string;
  /** What is beside the point for most: the transport, or why. */
  readonly detail: string;
}

const names: Readonly<Record<Transport, string>> = { ws: "WebSocket", sse: "Server-Sent Events", poll: "polling" };

type Say = (status: Status) => Pulse;

const live: Say = ({ transport }) =>
  transport === "poll"
    ? { tone: "busy", text: "Live updates unavailable – polling", detail: "" }
    : { tone: "good", text: "Live", detail: names[transport] };

const says: Readonly<Record<Status["state"], Say>> = {
  idle: () => ({ tone: "idle", text: "Idle", detail: "nothing is followed" }),
  connecting: ({ transport }) => ({ tone: "busy", text: "Connecting", detail: names[transport] }),
  live,
  waiting: () => ({ tone: "busy", text: "Reconnecting", detail: "" }),
  offline: () => ({ tone: "bad", text: "Offline", detail: "this browser has no network" }),
  refused: ({ refusal }) => ({ tone: "bad", text: "Refused", detail: refusal?.message ?? "" }),
  closed: () => ({ tone: "idle", text: "Closed", detail: "" }),
};

/** What the badge says of a connection in that state. */
export function pulseOf(status: Status): Pulse {
  return says[status.state](status);
}

/** How many whole seconds remain until the next attempt; `undefined` when none is planned. */
export function secondsUntilRetry({ retryAtMs }: Status, nowMs: number): number | undefined {
  return retryAtMs === undefined ? undefined : Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000));
}
