import type { Status } from "./skein.ts";

/** What a connection may be doing. */
export type State = "idle" | "asking" | "opening" | "live" | "checking" | "waiting" | "refused" | "closed";

/** What may happen to it. */
export type Event =
  | "want"
  | "unwant"
  | "token"
  | "heard"
  | "lost"
  | "spent"
  | "unknown"
  | "denied"
  | "due"
  | "wake"
  | "offline"
  | "better"
  | "expiring"
  | "close";

/** What it then does. */
export type Action =
  | "ask"
  | "open"
  | "slow"
  | "fall"
  | "rise"
  | "settle"
  | "tick"
  | "check"
  | "calm"
  | "renew"
  | "wait"
  | "renounce"
  | "refuse"
  | "stop";

/** The next state, and what is done on the way there. */
export type Cell = readonly [State, Action];

/** What each event does; the others do nothing. */
type Row = { readonly [event in Event]?: Cell | undefined };

const closed: Row = {};
const idle: Row = { ...closed, want: ["asking", "ask"], close: ["closed", "stop"] };
const busy: Row = { ...idle, want: undefined, unwant: ["idle", "stop"] };
const trying: Row = { ...busy, lost: ["waiting", "wait"], denied: ["refused", "refuse"] };
const open: Row = {
  ...trying,
  unknown: ["waiting", "renounce"],
  wake: ["checking", "check"],
  offline: ["checking", "check"],
  better: ["opening", "rise"],
};

/** The whole life of a connection: what each event does in each state. docs/client.md shows it. */
export const table: Readonly<Record<State, Row>> = {
  idle,
  asking: { ...trying, token: ["opening", "open"], due: ["waiting", "wait"] },
  opening: {
    ...trying,
    heard: ["live", "settle"],
    spent: ["opening", "fall"],
    unknown: ["waiting", "renounce"],
    due: ["opening", "slow"],
  },
  live: { ...open, due: ["live", "tick"], expiring: ["live", "renew"] },
  checking: { ...open, heard: ["live", "calm"], due: ["waiting", "wait"] },
  waiting: { ...busy, due: ["asking", "ask"], wake: ["asking", "ask"] },
  refused: { ...busy, wake: ["asking", "ask"] },
  closed,
};

/** What a state is to whoever looks at the connection. */
export const shown: Readonly<Record<State, Status["state"]>> = {
  idle: "idle",
  asking: "connecting",
  opening: "connecting",
  live: "live",
  checking: "live",
  waiting: "waiting",
  refused: "refused",
  closed: "closed",
};
