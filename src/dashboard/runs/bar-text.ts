import { statusText } from "../tone.ts";
import { durationText } from "./duration.ts";
import type { Bar, Lane, Mark } from "./timeline.ts";

const ends: Readonly<Record<Bar["end"], (bar: Bar) => string>> = {
  open: () => "under way",
  told: ({ status }) => statusText(status),
  cut: () => "no end was told",
};

/** How a bar ended, in a word. */
export function endText(bar: Bar): string {
  return ends[bar.end](bar);
}

/** All that there is to say of a bar: "Plan, task of planner: failed after 2.0 s, began at 3.0 s". */
export function barText(bar: Bar, beganMs: number): string {
  const of = bar.kind === "task" && bar.agent !== undefined ? ` of ${bar.agent}` : "";
  const word = bar.end === "told" ? "after" : "for";
  const took = durationText(bar.toMs - bar.fromMs);
  return `${bar.label}, ${bar.kind}${of}: ${endText(bar)} ${word} ${took}, began at ${durationText(bar.fromMs - beganMs)}`;
}

/** All that there is to say of an error. */
export function markText({ message, atMs }: Mark, lane: Lane, beganMs: number): string {
  return `Error in ${lane.label} at ${durationText(atMs - beganMs)}: ${message}`;
}
