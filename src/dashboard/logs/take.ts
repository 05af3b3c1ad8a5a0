import type { LogEntry, LogFrame } from "../../client/index.ts";
import type { LineStore, Rule } from "./line-store.ts";

const rotated: Readonly<Record<string, string>> = {
  renamed: "the file has another name now, and the log goes on in a new one",
  truncated: "the file was truncated and begins anew",
  replaced: "the file is gone, and the log goes on in another one",
};

const again: Readonly<Record<string, string>> = {
  lagged: "this page was too slow, so lines are left out here; the newest follow",
  expired: "this page was away for too long, so lines may be left out here; the newest follow",
  resync: "the log was read anew; the newest lines follow",
};

/** Puts what a frame tells into the store. */
export function take(store: LineStore, frame: LogFrame): void {
  if (frame.type === "rotated") {
    store.add(ruleOf({ ...frame, kind: "rotated" }));
  } else if (frame.type === "gap") {
    store.add(ruleOf({ ...frame, kind: "gap" }));
  } else if (frame.type === "backlog" || frame.type === "lines") {
    if (frame.type === "backlog" && frame.reason) {
      store.add({ kind: "again", text: again[frame.reason] ?? "the newest lines follow" });
    }
    for (const line of frame.lines) store.add(line);
  }
}

/** Puts what the client knows of a log into the store, for a view that comes back before the log was left. */
export function takeKnown(store: LineStore, entries: readonly LogEntry[]): void {
  for (const entry of entries) store.add(entry.kind === "line" ? entry.text : ruleOf(entry));
}

function ruleOf(entry: Exclude<LogEntry, { kind: "line" }>): Rule {
  if (entry.kind === "gap") return { kind: "gap", text: `gap · ${lossOf(entry)}` };
  const time = new Date(entry.timestamp).toLocaleTimeString();
  return { kind: "rotated", text: `rotated at ${time} · ${rotated[entry.reason] ?? entry.reason}` };
}

function lossOf({ from, to, reason }: { from: number; to: number | null; reason: string }): string {
  if (to === null) return `what was written after byte ${from.toLocaleString()} may be lost (${reason})`;
  return `${(to - from).toLocaleString()} bytes are lost (${reason})`;
}
