import type { AnyFrame } from "./frame.ts";
import { kindOf, type Reducer, reducerOf } from "./reducers.ts";
import type { Stop, StreamOptions, StreamStatus } from "./skein.ts";

/** Frames that say nothing about the state. */
const silent: ReadonlySet<string> = new Set(["resumed", "ping", "connected"]);
const keptByDefault = 1000;

/** What a stream of any kind may be given. */
export type FeedOptions = StreamOptions<unknown, AnyFrame>;

/** Does something once this turn is over. */
type Soon = (task: () => void) => void;

/** Somebody who listens. */
export interface Listener {
  readonly state?: (state: unknown) => void;
  readonly frame?: (frame: AnyFrame) => void;
  readonly status?: (status: StreamStatus) => void;
  /** Nothing more comes. */
  readonly end?: (fault?: Error) => void;
}

/** One stream that is followed: its state, its status and who listens. */
export class Feed {
  readonly #soon: Soon;
  readonly #reducer: Reducer;
  readonly #isCounted: boolean;
  readonly #listeners = new Set<Listener>();
  #status: StreamStatus = { phase: "loading" };
  #state: unknown;
  /** What the listeners know. */
  #told: unknown;
  #isChanged = false;
  #isDue = false;
  /** How many frames of a snapshot are still to come. */
  #coming = 0;

  constructor(name: string, { keep = keptByDefault, reduce }: FeedOptions, soon: Soon) {
    const { reducer, isCounted } = kindOf(name, keep);
    this.#soon = soon;
    this.#reducer = reduce ? reducerOf(reduce) : reducer;
    this.#isCounted = isCounted;
  }

  get status(): StreamStatus {
    return this.#status;
  }

  /** The same until it changes; `undefined` before the first frame. */
  get state(): unknown {
    if (this.#isChanged && this.#coming === 0) {
      this.#isChanged = false;
      this.#state = this.#reducer.read();
    }
    return this.#state;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Tells the listener how things are, and whatever happens from now on. */
  listen(listener: Listener): Stop {
    this.#listeners.add(listener);
    listener.status?.(this.#status);
    listener.state?.(this.state);
    this.#endWhenOver([listener]);
    return () => this.#listeners.delete(listener);
  }

  take(frame: AnyFrame): void {
    if (!silent.has(frame.type)) this.#reduce(frame);
    this.#call((listener) => listener.frame?.(frame));
  }

  /** Goes on from what somebody else has come to. */
  adopt(state: unknown): void {
    this.#reducer.adopt(state);
    this.#change();
  }

  tell(status: StreamStatus): void {
    this.#status = status;
    if (status.phase !== "live" && this.#coming > 0) {
      this.#coming = 0;
      this.#change();
    }
    this.#call((listener) => listener.status?.(status));
    this.#endWhenOver(this.#listeners);
  }

  /** Ends every iteration. */
  end(fault?: Error): void {
    this.#show();
    this.#call((listener) => listener.end?.(fault));
  }

  #endWhenOver(listeners: Iterable<Listener>): void {
    const { phase, refusal } = this.#status;
    if (phase !== "over" && phase !== "refused") return;
    this.#show();
    const fault = phase === "over" ? undefined : new Error(refusal?.message);
    for (const listener of [...listeners]) listener.end?.(fault);
  }

  #reduce(frame: AnyFrame): void {
    guarded(() => this.#reducer.take(frame), this.#soon);
    // What only counts is not shown before what it counts.
    if (this.#isCounted && frame.type === "snapshot") this.#coming = Number(frame.count) || 0;
    else if (this.#coming > 0) this.#coming -= 1;
    this.#change();
  }

  #change(): void {
    this.#isChanged = true;
    if (this.#isDue || this.#coming > 0) return;
    this.#isDue = true;
    this.#soon(() => this.#show());
  }

  #show(): void {
    this.#isDue = false;
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.#call((listener) => listener.state?.(state));
  }

  #call(tell: (listener: Listener) => void): void {
    for (const listener of [...this.#listeners]) guarded(() => tell(listener), this.#soon);
  }
}

/** A fault of a listener is the page's and none of ours: it is thrown where nobody is in the way. */
export function guarded(task: () => void, soon: Soon): void {
  try {
    task();
  } catch (thrown) {
    soon(() => {
      throw thrown;
    });
  }
}
