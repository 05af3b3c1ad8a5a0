import type { StreamStatus } from "./skein.ts";

/** What a view needs of a stream. */
export interface Followed<State> {
  /** `undefined` before the first frame. */
  readonly state: State | undefined;
  readonly status: StreamStatus;
}
