import type { FrameOf, StateOf } from "./frames.ts";

/** How frames come: the order in which they are tried. */
export const transports = ["ws", "sse", "poll"] as const;
export type Transport = (typeof transports)[number];

/** Stops what was begun; calling it again does nothing. */
export type Stop = () => void;

/** Why something was refused, as an error frame says it. */
export interface Refusal {
  /** A stable word of the protocol's table of errors. */
  readonly code: string;
  /** For people; may change. */
  readonly message: string;
}

/** How the connection is doing. */
export interface Status {
  /**
   * `idle`: no stream is followed, so there is no connection. `connecting`: no first frame yet. `live`: frames come.
   * `waiting`: it was lost and is tried again at `retryAtMs`. `offline`: the browser has no network. `refused`: it makes
   * no sense to try again by itself; `refusal` says why. `closed`: by `close()`.
   */
  readonly state: "idle" | "connecting" | "live" | "waiting" | "offline" | "refused" | "closed";
  /** What is in use, or tried. */
  readonly transport: Transport;
  /** When the next attempt is made, in milliseconds since 1970; only while `waiting`. */
  readonly retryAtMs?: number | undefined;
  readonly refusal?: Refusal | undefined;
}

/** How one stream is doing. */
export interface StreamStatus {
  /** `loading`: no first frame yet. `live`. `away`: what is known may be old. `over`: it is done. `refused`. */
  readonly phase: "loading" | "live" | "away" | "over" | "refused";
  readonly refusal?: Refusal | undefined;
}

/** A token, or who has a fresh one. `undefined` is nobody in particular: the session cookie decides. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export interface ConnectOptions {
  /** Asked at every connect and whenever a token is about to expire or was refused. Default: none. */
  readonly token?: TokenSource;
  /** Which transports may be used, best first. Default: `["ws", "sse", "poll"]`. */
  readonly transports?: readonly Transport[];
  /** Whether tabs of one origin share one connection (Web Locks and BroadcastChannel). Default: `"none"`. */
  readonly share?: "none" | "tabs";
}

/** What one stream needs besides its name. What its first listener comes with counts for all. */
export interface StreamOptions<State, Frame> {
  /** How many frames, lines or events a state that is a list keeps, the newest. Default: 1,000. */
  readonly keep?: number;
  /** For streams of your own: what a frame makes of the state. The first call has `undefined`. */
  readonly reduce?: (state: State | undefined, frame: Frame) => State;
}

/** One connection to a gateway, for many streams. */
export interface Skein {
  readonly status: Status;
  /** Calls the listener now and at each change. */
  onStatus(listener: (status: Status) => void): Stop;
  /**
   * A stream by its path and query: `"instances"`, `"instances/agent-1/logs?backlog=50"`.
   *
   * It is followed from the first listener to the last: of equal names, one stream. Throws TypeError for an empty name.
   */
  stream<Name extends string>(name: Name): Stream<StateOf<Name>, FrameOf<Name>>;
  stream<Name extends string, State = StateOf<Name>, Frame = FrameOf<Name>>(
    name: Name,
    options: StreamOptions<State, Frame>,
  ): Stream<State, Frame>;
  /** Ends everything; iterations end. */
  close(): void;
}

/**
 * A stream, with its state applied: a store for views, and an async iterable of states.
 *
 * Iterating yields the current state at each change; a slow reader gets the newest and misses those between. Whoever
 * needs every frame listens to `onFrame` or iterates `frames()`.
 */
export interface Stream<State, Frame> extends AsyncIterable<State> {
  readonly name: string;
  readonly status: StreamStatus;
  /** Calls the listener now and at each change. */
  onStatus(listener: (status: StreamStatus) => void): Stop;
  /** The state now; `undefined` before the first frame. The same object until it changes. */
  getSnapshot(): State | undefined;
  /** Calls the listener now and at each change of the state (the contract of a Svelte store). */
  subscribe(listener: (state: State | undefined) => void): Stop;
  /** Calls the listener with every frame from now on: in order, none missing and none twice. */
  onFrame(listener: (frame: Frame) => void): Stop;
  /** Every frame from now on, queued for this reader. */
  frames(): AsyncIterable<Frame>;
  /**
   * Says something to the stream, such as `{type: "set_include_archived", value: true}`.
   *
   * Waits for a WebSocket while there is none, 64 messages to one stream at the most. Settles when it was handed over;
   * rejects with an Error when it cannot be. After a reconnect the newest message of each type is said again.
   */
  send(message: { readonly type: string; readonly [field: string]: unknown }): Promise<void>;
}
