import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame, type FrameBody } from "../protocol/frame.ts";
import { isSamePlace, type LogPlace, type LogStep, logCursor, logPlace } from "../protocol/log.ts";
import type { LogDefinition } from "../stream/define.ts";
import { greetingOf, type Missed, noPage, type Past, type Reason, type Snapshot } from "./past.ts";
import type { RemoteLog } from "./remote-log.ts";
import type { Entry, Ring } from "./ring.ts";
import type { View } from "./view.ts";

/** How much of a log a client that comes back is sent, in bytes; after more than that its newest lines are the better answer. */
const mostBytes = 16 * 1024 * 1024;

/** The past of a log's channel: its ring, and before that the file. */
export class LogPast implements Past {
  readonly #parts: LogPastParts;

  constructor(parts: LogPastParts) {
    this.#parts = parts;
  }

  ready(): Promise<void> {
    return this.#parts.ready();
  }

  async reach(cursor: Cursor): Promise<boolean> {
    return this.#parts.place() !== undefined && logPlace(cursor) !== undefined;
  }

  here(): Cursor {
    const place = this.#parts.place();
    if (place) return logCursor(place);
    throw new Failure("bus_away", "The log has gone; try again");
  }

  async after(cursor: Cursor): Promise<Missed | undefined> {
    const upTo = this.#parts.place();
    const since = logPlace(cursor);
    if (!upTo || !since) return undefined;
    if (isSamePlace(since, upTo)) return { entries: [] };
    const entries = this.#remembered(formatCursor(cursor), since) ?? (await this.#fromFile(since, upTo));
    return entries && { entries };
  }

  async snapshot({ query }: View, reason: Reason | undefined): Promise<Snapshot | undefined> {
    const { definition, remote, place: current } = this.#parts;
    const place = current();
    const wanted = definition.backlog(query);
    if (!place || wanted === 0) return { frames: await backlogOf([], { place, reason }) };
    const found = await remote.backlog(wanted, place);
    if ("lost" in found) return undefined;
    return { frames: await backlogOf(found.lines, { place, reason }) };
  }

  readonly page = noPage;

  /** The entries after a frame that is still in the ring, or after the place where the ring begins. */
  #remembered(cursor: string, since: LogPlace): readonly Entry[] | undefined {
    const entries = this.#parts.ring.from(0);
    const last = entries.findLastIndex(({ frame }) => frame.cursor === cursor);
    if (last !== -1) return entries.slice(last + 1);
    const first = entries[0]?.item as LogStep | undefined;
    const isStart = first && first.generation === since.generation && first.from === since.offset;
    return isStart ? entries : undefined;
  }

  async #fromFile(since: LogPlace, upTo: LogPlace): Promise<readonly Entry[] | undefined> {
    const { remote, replayFrames } = this.#parts;
    const entries: Entry[] = [];
    let size = 0;
    for (let from = since; entries.length <= replayFrames && size <= mostBytes; ) {
      const reading = await remote.after(from, upTo);
      if ("lost" in reading) return undefined;
      for (const entry of reading.steps.flatMap((step) => stepEntries(step, 0))) {
        entries.push(entry);
        size += entry.frame.json.length;
      }
      if (reading.whole) return entries;
      from = reading.place;
    }
    return undefined;
  }
}

interface LogPastParts {
  readonly definition: LogDefinition;
  readonly remote: RemoteLog;
  readonly ring: Ring;
  readonly replayFrames: number;
  /** The place after everything that the channel has been told. */
  readonly place: () => LogPlace | undefined;
  /** Settles when it is known where the log is. */
  readonly ready: () => Promise<void>;
}

function backlogOf(lines: readonly string[], { place, reason }: Standing): Promise<Frame[]> {
  return greetingOf([{ type: "backlog", lines, count: lines.length }], reason, place && logCursor(place));
}

interface Standing {
  readonly place: LogPlace | undefined;
  readonly reason: Reason | undefined;
}

/** The entries of a step. All have the step as their item; `position` orders them within this process. */
export function stepEntries(step: LogStep, position: number): Entry[] {
  const entry = (body: FrameBody, cursor?: Cursor): Entry => ({
    frame: new Frame(body, cursor),
    position,
    part: 0,
    item: step,
    last: false,
  });
  if ("lines" in step) {
    const { lines, generation, to, mark } = step;
    const cursor = logCursor({ generation, offset: to, mark });
    return [entry({ type: "lines", lines, count: lines.length }, cursor)];
  }
  const { rotated, next, lost, timestamp } = step;
  const turn = entry({ type: "rotated", reason: rotated, timestamp }, logCursor(next));
  return lost ? [entry({ type: "gap", ...lost }), turn] : [turn];
}
