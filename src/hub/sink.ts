import type { Batch } from "../protocol/batch.ts";
import type { End } from "../protocol/end.ts";

/** The socket end of a session, whatever the transport. */
export interface Sink {
  /** Hands frames to the socket; false when it did not take all bytes, and the session waits until it is `drained`. */
  write(batch: Batch): boolean;

  /** Says why, and closes. */
  end(end: End): void;

  /** Bytes handed over that the network has not taken yet. */
  pendingBytes(): number;
}
