import { stripVTControlCharacters } from "node:util";
import type { Clock, Stop } from "../protocol/clock.ts";
import { masked } from "./masking.ts";

/** What is looked for in output: a percentage, or each newest line. */
export const watches = ["percent", "lines", "off"] as const;

export type Watch = Exclude<(typeof watches)[number], "off">;

/** How far a command has come, as its own output says. */
export interface Progress {
  readonly message: string;
  /** From 0 to 1. */
  readonly progress?: number;
}

const everyMs = 1000;
/** After a look that found nothing: looking at every chunk would cost as much as the command. */
const missMs = 50;
const keptBytes = 4096;
const longest = 200;

/** Finds progress in output: the newest at once, and then one a second at the most. */
export class ProgressWatch {
  readonly #parts: WatchParts;
  #tail: Uint8Array = new Uint8Array(0);
  #last = "";
  #rest: Stop | undefined;
  #isDue = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Takes what was written; nothing is read in it but its end, and that once a second. */
  see(chunk: Uint8Array): void {
    this.#tail = joined(this.#tail, chunk);
    this.#isDue = true;
    if (this.#rest === undefined) this.#look();
  }

  /** Tells what was not told yet. */
  end(): void {
    this.#rest?.();
    if (this.#isDue) this.#tell();
  }

  #look(): void {
    const restMs = this.#tell() ? everyMs : missMs;
    this.#rest = this.#parts.clock.after(restMs, () => {
      this.#rest = undefined;
      if (this.#isDue) this.#look();
    });
  }

  #tell(): boolean {
    this.#isDue = false;
    const text = stripVTControlCharacters(new TextDecoder().decode(this.#tail));
    const found = finders[this.#parts.watch](text);
    if (found === undefined || found.message === this.#last) return false;
    this.#last = found.message;
    this.#parts.tell(found);
    return true;
  }
}

interface WatchParts {
  readonly watch: Watch;
  readonly clock: Clock;
  readonly tell: (progress: Progress) => void;
}

const finders: Readonly<Record<Watch, (text: string) => Progress | undefined>> = { percent, lines };

function percent(text: string): Progress | undefined {
  const found = [...text.matchAll(/(?<![\d.,-])(\d{1,3}(?:[.,]\d+)?)\s?%/g)]
    .map(([, digits = ""]) => Number(digits.replace(",", ".")))
    .filter((value) => value <= 100);
  const value = found.at(-1);
  return value === undefined ? undefined : { message: `${value}%`, progress: Math.round(value * 10_000) / 1_000_000 };
}

/** The newest line that is whole: a carriage return ends one, too, as bars of progress use it. */
function lines(text: string): Progress | undefined {
  const whole = text.slice(0, Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1);
  const line = whole
    .split(/[\r\n]+/)
    .findLast((one) => one.trim() !== "")
    ?.trim();
  if (line === undefined) return undefined;
  const shown = masked(line);
  return { message: shown.length > longest ? `${shown.slice(0, longest)}…` : shown };
}

function joined(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= keptBytes) return chunk.subarray(-keptBytes);
  const kept = before.subarray(-(keptBytes - chunk.length));
  const both = new Uint8Array(kept.length + chunk.length);
  both.set(kept);
  both.set(chunk, kept.length);
  return both;
}
