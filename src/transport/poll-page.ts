import type { Channel } from "../hub/channel.ts";
import type { Opening } from "../hub/past.ts";
import type { View } from "../hub/view.ts";
import type { Line } from "../protocol/frame.ts";
import { pollBytesMax } from "../protocol/limits.ts";

/** What one answer to a poll holds, and whether the next request is answered at once. */
interface PollPage {
  readonly frames: readonly Line[];
  readonly more: boolean;
}

/** What is polled, and the signal that its client has gone. */
interface Polled {
  readonly channel: Channel;
  readonly view: View;
  readonly signal: AbortSignal;
}

/**
 * The frames of one answer: whole frames up to `pollBytesMax`, a larger one alone.
 *
 * An answer ends with a frame that has a cursor, because the next one begins there; so a snapshot of several frames is never
 * divided. The greeting of a client that comes back is left out: the answer itself says that it goes on. Throws `bus_away`.
 */
export async function pollPage({ channel, view, signal }: Polled, opening: Opening): Promise<PollPage> {
  // The array of a snapshot that is kept: its body is made once for all that ask for it.
  if (!opening.resumed && opening.from === undefined) return { frames: opening.frames, more: false };
  const frames: Line[] = [];
  let size = 0;
  /** How many frames there are up to the last one with a cursor. */
  let whole = 0;
  for await (const portion of portionsOf(channel, view, opening)) {
    // A client that has gone costs no more than what is under way for it.
    if (portion === undefined || signal.aborted) return { frames, more: true };
    for (const frame of portion) {
      if (whole > 0 && size + frame.json.length > pollBytesMax) return { frames: frames.slice(0, whole), more: true };
      frames.push(frame);
      size += frame.json.length;
      if (hasCursor(frame)) whole = frames.length;
    }
  }
  return { frames, more: false };
}

/** The first frames, then the past page by page, then what the ring has; undefined when some of it has gone meanwhile. */
async function* portionsOf(
  channel: Channel,
  view: View,
  opening: Opening,
): AsyncGenerator<readonly Line[] | undefined> {
  yield opening.resumed ? opening.frames.slice(1) : opening.frames;
  for (let { from } = opening; from !== undefined; ) {
    const page = await channel.page(view, from, "answer");
    if (page) yield framesOf(page);
    const isCaughtUp = page?.from === undefined && page?.over === false;
    const newest = isCaughtUp ? channel.missed({ view }, page.next) : undefined;
    if (newest) yield framesOf(newest);
    if (page === undefined || (isCaughtUp && newest === undefined)) return yield undefined;
    from = page.from;
  }
}

function framesOf({ batches }: Pick<Opening, "batches">): readonly Line[] {
  return batches.flatMap((batch) => batch.frames);
}

/** Whether a client that has read a frame can go on from it. */
export function hasCursor({ cursor }: Line): boolean {
  return cursor !== undefined;
}
