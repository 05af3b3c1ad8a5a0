import pc from "picocolors";
import { elementsOf } from "../protocol/elements.ts";
import { ask } from "./ask.ts";
import type { Gateway } from "./gateway.ts";
import { followStream, print } from "./listen.ts";

export interface LogsOptions {
  readonly gateway: Gateway;
  readonly follow?: boolean;
  readonly lines: number;
  readonly since?: string;
  readonly json?: boolean;
}

/** Prints the newest lines of an instance's log, and with `follow` each new one. Throws Explained when it may not. */
export async function logs(instance: string, options: LogsOptions): Promise<void> {
  const { gateway, follow, lines, since, json } = options;
  const show = json ? print : showFrame;
  const stream = `instances/${encodeURIComponent(instance)}/logs?backlog=${lines}`;
  if (follow) return followStream("ws", { gateway, stream, since, print: show });
  const from = since === undefined ? "" : `&since=${encodeURIComponent(since)}`;
  const frames = await ask(gateway, `/poll/${stream}${from}`);
  for (const frame of elementsOf(frames)) await show(frame);
}

/** Lines go to standard output, and what happened between them to standard error. */
async function showFrame(json: string): Promise<void> {
  const frame = JSON.parse(json) as LogFrame;
  const note = notes[frame.type]?.(frame);
  if (note !== undefined) process.stderr.write(`${pc.dim(`── ${note} ──`)}\n`);
  if (frame.lines) for (const line of frame.lines) await print(process.stdout.isTTY ? harmless(line) : line);
}

interface LogFrame {
  readonly type: string;
  readonly lines?: readonly string[];
  readonly reason?: string;
  readonly from?: number;
  readonly to?: number | null;
}

const notes: Readonly<Record<string, (frame: LogFrame) => string | undefined>> = {
  backlog: ({ reason }) => reason && `starting over with the newest lines (${reason})`,
  rotated: ({ reason }) => `log rotated (${reason})`,
  gap: ({ from = 0, to, reason }) =>
    typeof to === "number" ? `${to - from} bytes are lost (${reason})` : `some bytes may be lost (${reason})`,
};

/** A line with its colours, and without anything else that would steer a terminal. */
function harmless(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what this is about
  return line.replace(/\x1b(?!\[[0-9;:]*m)/g, "�");
}
