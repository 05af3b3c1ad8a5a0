import type { ActiveTool, GraphFrame, Stream, StreamStatus } from "../../client/index.ts";
import { type Activity, type Ending, endingOf, fromActive, hear, silence } from "./activity.ts";

/** What agents do with their tools, as a view shows it: it changes by itself. */
export interface FollowedActivity {
  readonly activity: Activity;
  readonly status: StreamStatus;
  /** When it was drawn last, in milliseconds since 1970; at least once in five seconds, so that agents come to rest. */
  readonly nowMs: number;
}

const restEveryMs = 5000;

/** How long frames are gathered before they are shown: a graph that moves more often cannot be read. */
const drawEveryMs = 150;

/** How many endings are told each time; nobody reads more. */
const mostTold = 3;

type GraphStream = Stream<ReadonlyMap<string, ActiveTool>, GraphFrame>;

/** Follows the stream as long as the component lives that calls it, and tells of each tool that ends. */
export function followActivity(stream: () => GraphStream, onending: (ending: Ending) => void): FollowedActivity {
  let activity = $state.raw(silence);
  let status = $state.raw<StreamStatus>({ phase: "loading" });
  let nowMs = $state(Date.now());
  $effect(() => {
    const followed = stream();
    // Every frame is heard at once; what came of them is shown a little later.
    let heard = fromActive(followed.getSnapshot()?.values() ?? []);
    let told: Ending[] = [];
    let isSoon = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      clearTimeout(timer);
      timer = setTimeout(draw, restEveryMs);
      isSoon = false;
      activity = heard;
      nowMs = Date.now();
      for (const ending of told.slice(-mostTold)) onending(ending);
      told = [];
    };
    const unheard = followed.onFrame((frame) => {
      const now = Date.now();
      if (frame.type === "tool_end") told.push(endingOf(heard, frame, now));
      heard = hear(heard, frame, now);
      if (isSoon) return;
      isSoon = true;
      clearTimeout(timer);
      timer = setTimeout(draw, drawEveryMs);
    });
    const unwatched = followed.onStatus((now) => {
      status = now;
    });
    draw();
    return () => {
      clearTimeout(timer);
      unheard();
      unwatched();
    };
  });
  return {
    get activity() {
      return activity;
    },
    get status() {
      return status;
    },
    get nowMs() {
      return nowMs;
    },
  };
}
