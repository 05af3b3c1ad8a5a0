import { Batch } from "../protocol/batch.ts";
import type { Frame } from "../protocol/frame.ts";
import type { Session } from "./session.ts";

/** The sessions of a channel whose queries are equal: they see the same frames, so they share the same bytes. */
export class Cohort {
  readonly key: string;
  readonly query: unknown;
  /** The sessions that have everything up to the present turn. */
  readonly level = new Set<Session>();
  /** The sessions whose sockets are full. */
  readonly waiting = new Set<Session>();
  /** How many sessions it has, level or not. */
  size = 0;

  constructor(key: string, query: unknown) {
    this.key = key;
    this.query = query;
  }
}

/** What names a cohort: equal queries give equal keys. */
export function cohortKey(query: unknown): string {
  return JSON.stringify(query);
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
