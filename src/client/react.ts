import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Followed } from "./followed.ts";
import type { FrameOf, StateOf } from "./frames.ts";
import type { Skein, Status, Stream, StreamOptions, StreamStatus } from "./skein.ts";

export type { Followed };

/**
 * A stream's state and how it is doing, for as long as the component is there.
 *
 * `options` count as they are when the component first asks for that name. On a server, and before the first frame, the
 * state is `undefined`.
 */
export function useStream<Name extends string>(skein: Skein, name: Name): Followed<StateOf<Name>>;
export function useStream<Name extends string, State = StateOf<Name>, Frame = FrameOf<Name>>(
  skein: Skein,
  name: Name,
  options: StreamOptions<State, Frame>,
): Followed<State>;
export function useStream(
  skein: Skein,
  name: string,
  options: StreamOptions<unknown, unknown> = {},
): Followed<unknown> {
  // biome-ignore lint/correctness/useExhaustiveDependencies: options are written anew at every render.
  const stream: Stream<unknown, unknown> = useMemo(() => skein.stream(name, options), [skein, name]);
  const state = useSyncExternalStore(
    useCallback((changed) => stream.subscribe(changed), [stream]),
    () => stream.getSnapshot(),
    () => undefined,
  );
  const status = useSyncExternalStore(
    useCallback((changed) => stream.onStatus(changed), [stream]),
    () => (stream.status.phase === "loading" ? loading : stream.status),
    () => loading,
  );
  return { state, status };
}

const loading: StreamStatus = { phase: "loading" };

/** How the connection is doing. */
export function useStatus(skein: Skein): Status {
  return useSyncExternalStore(
    useCallback((changed) => skein.onStatus(changed), [skein]),
    () => skein.status,
    () => idle,
  );
}

const idle: Status = { state: "idle", transport: "ws" };
