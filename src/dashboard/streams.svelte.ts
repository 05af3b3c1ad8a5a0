import type { Stream, StreamStatus } from "../client/index.ts";

/** A stream as a view shows it: both change by themselves. */
export interface Followed<State> {
  /** The state; `undefined` before the first frame. */
  readonly state: State | undefined;
  readonly status: StreamStatus;
}

const loading: StreamStatus = { phase: "loading" };

/**
 * Follows a stream as long as the component lives that calls it. A function is asked again when what it reads changes:
 * `follow(() => skein.stream(`runs/${place.path[0]}`))`; `undefined` follows nothing.
 *
 * However many frames come, the state changes at most once per picture that the browser draws.
 */
export function follow<State, Frame>(
  stream: Stream<State, Frame> | (() => Stream<State, Frame> | undefined),
): Followed<State> {
  let state = $state.raw<State | undefined>();
  let status = $state.raw<StreamStatus>(loading);
  $effect(() => {
    const followed = typeof stream === "function" ? stream() : stream;
    state = undefined;
    status = loading;
    if (!followed) return;
    let picture = 0;
    let isEmpty = true;
    const draw = () => {
      picture = 0;
      state = followed.getSnapshot();
    };
    const unfollow = followed.subscribe((now) => {
      // The first is shown at once: a view that has something to show is never drawn as an empty one.
      if (isEmpty) state = now;
      else picture ||= requestAnimationFrame(draw);
      isEmpty = now === undefined;
    });
    const unheard = followed.onStatus((now) => {
      status = now;
    });
    return () => {
      cancelAnimationFrame(picture);
      unfollow();
      unheard();
    };
  });
  return {
    get state() {
      return state;
    },
    get status() {
      return status;
    },
  };
}
