import type { Stored } from "./bus.ts";

/** How much a reading of a journal brings: so many messages, and so many bytes of bodies but for a single larger one. */
export interface Length {
  readonly limit: number;
  readonly maxBytes?: number;
}

/** The first messages of those that are added, as many as a length allows. */
export class Head {
  readonly messages: Stored[] = [];
  readonly #length: Length;
  #bytes = 0;
  #isFull: boolean;

  constructor(length: Length) {
    this.#length = length;
    this.#isFull = length.limit <= 0;
  }

  /** Whether there was no room for more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Adds a message unless that would be too much; true: no more is taken. */
  add(message: Stored): boolean {
    const { limit, maxBytes = Number.POSITIVE_INFINITY } = this.#length;
    const isTooMuch = this.messages.length > 0 && this.#bytes + message.data.length > maxBytes;
    if (this.#isFull || isTooMuch) {
      this.#isFull = true;
      return true;
    }
    this.#bytes += message.data.length;
    this.#isFull = this.messages.push(message) >= limit;
    return this.#isFull;
  }
}

/** The last messages of those that are added, as many as a length allows. */
export class Tail {
  readonly #length: Length;
  #messages: Stored[] = [];
  #first = 0;
  #bytes = 0;
  #isCut = false;

  constructor(length: Length) {
    this.#length = length;
  }

  get messages(): Stored[] {
    return this.#messages.slice(this.#first);
  }

  /** Whether there was no room for more. */
  get isFull(): boolean {
    return this.#isCut || this.#count >= this.#length.limit;
  }

  /** Adds a message and lets go of the oldest ones; false: more may come. */
  add(message: Stored): false {
    const { limit, maxBytes = Number.POSITIVE_INFINITY } = this.#length;
    this.#messages.push(message);
    this.#bytes += message.data.length;
    while (this.#count > 1 && (this.#count > limit || this.#bytes > maxBytes)) {
      this.#bytes -= this.#messages[this.#first]?.data.length ?? 0;
      this.#first += 1;
      this.#isCut = true;
    }
    if (this.#first > 1_000 && this.#first > this.#count) this.#compact();
    return false;
  }

  get #count(): number {
    return this.#messages.length - this.#first;
  }

  #compact(): void {
    this.#messages = this.messages;
    this.#first = 0;
  }
}
