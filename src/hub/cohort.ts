import { Batch } from "../protocol/batch.ts";
import { type End, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { Frame } from "../protocol/frame.ts";
import type { Reason } from "./past.ts";
import type { View } from "./view.ts";

/** Why a session ends that could not be told what the others were. */
export const defect = failed(new Failure("internal", "Something went wrong on our side"));

/** A session as its cohort knows it. */
export interface Member {
  /** Takes the frames of a turn; false when it is level no more. */
  deliver(batch: Batch, next: number): boolean;
  /** Starts over with a fresh snapshot. */
  greetAgain(reason: Reason): void;
  /** Closes it from our side. */
  end(end: End): void;
  /** Bytes its socket has not taken yet. */
  readonly pendingBytes: number;
}

/** The sessions of a channel whose views are equal: they see the same frames, so they share the same bytes. */
export class Cohort {
  readonly key: string;
  readonly view: View;
  /** The sessions that have everything up to the present turn. */
  readonly level = new Set<Member>();
  /** The sessions whose sockets are full. */
  readonly waiting = new Set<Member>();
  /** The sessions whose next page of the past is being read. */
  readonly paging = new Set<Member>();
  /** How many sessions it has, level or not. */
  size = 0;

  constructor(key: string, view: View) {
    this.key = key;
    this.view = view;
  }

  /** Ends every session that is level. */
  endLevel(end: End): void {
    for (const session of [...this.level]) session.end(end);
  }

  /** The sessions that were greeted, as a copy: one may leave its set when something is said to it. */
  get begun(): Member[] {
    return [...this.level, ...this.waiting, ...this.paging];
  }
}

const batchFrames = 256;
const batchBytes = 256 * 1024;

/** Frames in portions that a socket is handed one at a time, as it takes them. */
export function portions(frames: readonly Frame[]): Batch[] {
  const batches: Batch[] = [];
  let start = 0;
  let size = 0;
  for (const [i, { json }] of frames.entries()) {
    if (i > start && (i - start >= batchFrames || size + json.length > batchBytes)) {
      batches.push(new Batch(frames.slice(start, i)));
      start = i;
      size = 0;
    }
    size += json.length;
  }
  if (start < frames.length) batches.push(new Batch(frames.slice(start)));
  return batches;
}
