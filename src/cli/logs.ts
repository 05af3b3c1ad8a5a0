import pc from "picocolors";
import { elementsOf } from "../protocol/elements.ts";
import { Explained } from "./explained.ts";
import { followStream, print } from "./listen.ts";

export interface LogsOptions {
  readonly url: string;
  readonly follow?: boolean;
  readonly lines: number;
  readonly since?: string;
  readonly json?: boolean;
}

/** Prints the newest lines of an instance's log, and with `follow` each new one. Throws Explained when it may not. */
export async function logs(instance: string, { url, follow, lines, since, json }: LogsOptions): Promise<void> {
  const show = json ? print : showFrame;
  const stream = `instances/${encodeURIComponent(instance)}/logs?backlog=${lines}`;
  if (follow) return followStream("ws", { address: new URL(`${url}/ws/${stream}`), since, print: show });
  const address = new URL(`${url}/poll/${stream}`);
  if (since !== undefined) address.searchParams.set("since", since);
  const response = await fetch(address).catch(() => {
    throw new Explained(`No gateway answers at ${url}; start one with: skein start --logs 'PATH/{name}.log'`);
  });
  if (!response.ok) throw new Explained(`Refused: ${((await response.json()) as { message: string }).message}`);
  for (const frame of elementsOf(await response.text())) await show(frame);
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
