import type { StreamStatus } from "../../client/index.ts";
import { type Activity, type Ending, silence } from "./activity.ts";
import { GraphListener, type GraphStream } from "./listener.ts";

/** What agents do with their tools, as a view shows it: it changes by itself. */
export interface FollowedActivity {
  readonly activity: Activity;
  readonly status: StreamStatus;
  /** When it was drawn last, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Follows the stream as long as the component lives that calls it, and tells of each tool that ends. */
export function followActivity(stream: () => GraphStream, tell: (ending: Ending) => void): FollowedActivity {
  let drawn = $state.raw({ activity: silence, nowMs: Date.now() });
  let status = $state.raw<StreamStatus>({ phase: "loading" });
  $effect(() => {
    const followed = stream();
    const draw = (activity: Activity, nowMs: number) => {
      drawn = { activity, nowMs };
    };
    const listener = new GraphListener(followed, { draw, tell });
    const unwatched = followed.onStatus((now) => {
      status = now;
    });
    return () => {
      listener.stop();
      unwatched();
    };
  });
  return {
    get activity() {
      return drawn.activity;
    },
    get nowMs() {
      return drawn.nowMs;
    },
    get status() {
      return status;
    },
  };
}
