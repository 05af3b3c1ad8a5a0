import type { ToolEnd } from "../../client/index.ts";
import { durationText } from "../runs/duration.ts";
import type { Ending } from "./activity.ts";

const words: Readonly<Record<ToolEnd["status"], string>> = {
  success: "",
  error: "failed",
  completed_with_errors: "had errors",
};

/** How the use of a tool ended, in a line: "pytest of orion failed after 2.3 s (lease lapsed)". */
export function endingText({ tool, agent, crew, status, reason, durationMs }: Ending): string {
  const word = words[status];
  const took = durationMs === undefined ? "" : durationText(durationMs);
  const end = [word, word && took ? `after ${took}` : took].filter(Boolean).join(" ") || "done";
  const why = reason === undefined ? "" : ` (${reason})`;
  return `${tool} of ${agent ?? crew}: ${end}${why}`;
}
