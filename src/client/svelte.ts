import type { Followed } from "./followed.ts";
import type { FrameOf, StateOf } from "./frames.ts";
import type { Skein, Status, Stop, Stream, StreamOptions } from "./skein.ts";

export type { Followed };

/** A store as Svelte means it: `$store` in a component, and `derived` and `get` of `svelte/store`, take it. */
export interface Store<Value> {
  /** Calls `run` now and at each change. */
  subscribe(run: (value: Value) => void): Stop;
}

/** A stream's state and how it is doing. It is followed from the first subscriber to the last. */
export function streamStore<Name extends string>(skein: Skein, name: Name): Store<Followed<StateOf<Name>>>;
export function streamStore<Name extends string, State = StateOf<Name>, Frame = FrameOf<Name>>(
  skein: Skein,
  name: Name,
  options: StreamOptions<State, Frame>,
): Store<Followed<State>>;
export function streamStore(
  skein: Skein,
  name: string,
  options: StreamOptions<unknown, unknown> = {},
): Store<Followed<unknown>> {
  const stream: Stream<unknown, unknown> = skein.stream(name, options);
  return {
    subscribe(run) {
      let isTold = false;
      const tell = () => isTold && run({ state: stream.getSnapshot(), status: stream.status });
      const stops = [stream.subscribe(tell), stream.onStatus(tell)];
      // Both have called already; whoever subscribes hears of it once.
      isTold = true;
      tell();
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** How the connection is doing. */
export function statusStore(skein: Skein): Store<Status> {
  return { subscribe: (run) => skein.onStatus(run) };
}
