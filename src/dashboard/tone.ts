/** How something is doing, as colours show it; a word always says it, too. */
export type Tone = "good" | "busy" | "bad" | "idle" | "unknown";

const known = ["good", "busy", "bad", "idle"] as const;

const words: Readonly<Record<(typeof known)[number], readonly string[]>> = {
  good: ["success", "succeeded", "completed", "complete", "done", "ok", "passed", "available", "acknowledged", "ready"],
  busy: [
    ...["running", "busy", "active", "working", "in_progress", "processing", "starting", "stopping", "delivered"],
    ...["typing", "thinking", "executing", "completed_with_errors"],
  ],
  bad: ["failed", "failure", "error", "errored", "crashed", "timeout", "timed_out", "aborted", "lost", "rejected"],
  idle: [
    ...["idle", "pending", "queued", "submitted", "waiting", "paused", "stopped", "offline", "sent", "new"],
    ...["cancelled", "canceled", "skipped", "archived"],
  ],
};

const tones: ReadonlyMap<string, Tone> = new Map(
  known.flatMap((tone) => words[tone].map((word) => [word, tone] as const)),
);

/** The tone of a status as publishers write it, in capitals or not; `unknown` for a word that says nothing to us. */
export function toneOf(status: string | null | undefined): Tone {
  return (
    tones.get(
      (status ?? "")
        .trim()
        .toLowerCase()
        .replaceAll(/[\s-]+/g, "_"),
    ) ?? "unknown"
  );
}

/** A status as people read it: "IN_PROGRESS" becomes "in progress". */
export function statusText(status: string | null | undefined): string {
  const text = (status ?? "").trim().replaceAll("_", " ");
  if (text === "") return "unknown";
  return text === text.toUpperCase() ? text.toLowerCase() : text;
}
