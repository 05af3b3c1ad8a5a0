import type { Batch } from "../protocol/batch.ts";

/** How much may wait for a client that does not read what it was answered. */
export interface AnswerLimits {
  readonly queueFrames: number;
  readonly queueBytes: number;
}

/** What a client was answered and its socket has not taken yet, at most. */
export class Answers {
  readonly #limits: AnswerLimits;
  #frames = 0;
  #bytes = 0;

  constructor(limits: AnswerLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#frames === 0;
  }

  /** Whether more waits than may. */
  get isOver(): boolean {
    return this.#frames > this.#limits.queueFrames || this.#bytes > this.#limits.queueBytes;
  }

  add({ frames }: Batch): void {
    this.#frames += frames.length;
    for (const { json } of frames) this.#bytes += json.length;
  }

  /** The socket has taken all of them. */
  clear(): void {
    this.#frames = 0;
    this.#bytes = 0;
  }
}
