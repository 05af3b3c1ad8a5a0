import type { Cursor } from "./cursor.ts";
import { subjectOf } from "./subject.ts";

/**
 * A place in a log: one life of its file, and how many bytes of it lie before.
 *
 * The mark is a checksum of the last bytes before the place. By it a file is recognised from what is in it: after a restart,
 * or as the copy that was made before the file was truncated.
 */
export interface LogPlace {
  /** Eleven characters for the file (device, inode, birth) and four for its life since it was last truncated. */
  readonly generation: string;
  /** In bytes; always the end of a line, or of a piece of one that was sent as a line. */
  readonly offset: number;
  /** Seven characters. */
  readonly mark: string;
}

/** One step of a log from a place to the next; the body of a message on `skein.<org>.logs.<name>`. */
export type LogStep = LinesStep | RotatedStep;

/** Lines that came. Late ones, from a file that was rotated away already, leave the place where it is: `to` is `from`. */
export interface LinesStep {
  readonly lines: readonly string[];
  readonly generation: string;
  readonly from: number;
  readonly to: number;
  /** The mark at `to`. */
  readonly mark: string;
}

/** The log goes on in another file, or in the same one from its start. */
export interface RotatedStep {
  readonly rotated: RotationReason;
  readonly generation: string;
  readonly from: number;
  readonly next: LogPlace;
  /** Bytes of the old generation that are lost, or may be. */
  readonly lost?: LostBytes;
  /** When it was noticed, ISO 8601. */
  readonly timestamp: string;
}

/** `renamed`: the old file is still there; `truncated`: the same file begins anew; `replaced`: the old file is gone, or a link leads elsewhere. */
export type RotationReason = "renamed" | "truncated" | "replaced";

export interface LostBytes {
  readonly from: number;
  /** Null when nobody can know how much was lost; then it may be nothing. */
  readonly to: number | null;
  /** `truncated`: written just before a truncation; `deleted`: in a file that was deleted before it could be read. */
  readonly reason: "truncated" | "deleted";
}

/** What a gateway asks a logs agent about one log, as JSON on `skein.<org>.log_requests.<name>`. */
export type LogRequest =
  /** Publish the log's steps for the asker from now on, for half a minute; answered with the LogPlace the next step begins at. */
  | { readonly op: "follow"; readonly by: string }
  /** The asker follows no more; answered with `{}`. */
  | { readonly op: "leave"; readonly by: string }
  /**
   * The steps from a place (null: from the start of the file that is there) to another one (not given: to where the next
   * published step begins); answered with a LogReading.
   */
  | { readonly op: "after"; readonly since: LogPlace | null; readonly upTo?: LogPlace }
  /** The newest lines before a place (not given: as for `after`); answered with a LogBacklog. */
  | { readonly op: "backlog"; readonly lines: number; readonly upTo?: LogPlace }
  /** The file's bytes from an offset on; answered with a LogBytes as JSON, a line feed, and the bytes. */
  | { readonly op: "bytes"; readonly generation?: string; readonly from: number };

/** Steps that connect: the first begins where the asker stands. `lost`: the asker's place is not to be found any more. */
export type LogReading =
  | {
      readonly steps: readonly LogStep[];
      /** Where the last step ends. */
      readonly place: LogPlace;
      /** Whether that is as far as was asked; otherwise ask again from `place`. */
      readonly whole: boolean;
    }
  | { readonly lost: true };

/** The newest lines, oldest first, and the place they end at. */
export type LogBacklog = { readonly lines: readonly string[]; readonly place: LogPlace } | { readonly lost: true };

/** What is told in front of a piece of a file. */
export interface LogBytes {
  /** Give it back with the next request: bytes of another life of the file are refused with `conflict`. */
  readonly generation: string;
  readonly from: number;
  /** Where the next piece begins. With redaction the bytes told are others than those of the file. */
  readonly to: number;
  /** How many bytes the file has; a download is complete at the size that its first piece told. */
  readonly size: number;
}

/** What a logs agent says to every gateway on `skein.<org>.log_agents`: that it began, or that a log appeared. */
export interface LogNews {
  /** The name of a log whose file came into being; absent when the agent has just begun. */
  readonly appeared?: string;
}

/** The subjects of one log. */
export function logSubjects(org: string, token: string): { steps: string; requests: string } {
  return { steps: subjectOf(org, `logs.${token}`), requests: subjectOf(org, `log_requests.${token}`) };
}

/** The tail of the subject where logs agents say their news. */
export const logNewsTail = "log_agents";

/** Where an org's logs agents say their news. */
export function logNewsSubject(org: string): string {
  return subjectOf(org, logNewsTail);
}

/** Where a step ends: where the next one begins. */
export function endOf(step: LogStep): LogPlace {
  if ("rotated" in step) return step.next;
  return { generation: step.generation, offset: step.to, mark: step.mark };
}

/** Whether two places are the same. */
export function isSamePlace(one: LogPlace, other: LogPlace): boolean {
  return one.generation === other.generation && one.offset === other.offset;
}

/** Whether a step begins at a place. */
export function beginsAt({ generation, from }: LogStep, place: LogPlace): boolean {
  return generation === place.generation && from === place.offset;
}

const generationLength = 15;
const markLength = 7;

/** The cursor of a place. */
export function logCursor({ generation, offset, mark }: LogPlace): Cursor {
  return { epoch: `${generation}${mark}`, position: offset, part: 0 };
}

/** The place of a cursor, or undefined when it was never a log's. */
export function logPlace({ epoch, position }: Cursor): LogPlace | undefined {
  if (epoch.length !== generationLength + markLength) return undefined;
  return { generation: epoch.slice(0, generationLength), offset: position, mark: epoch.slice(generationLength) };
}
