/** How many events lie between two marks. */
const markEvery = 64;

/** The number of a channel's events, and how many of them come before any position. It takes 8 bytes for every 64 events. */
export class EventCount {
  /** The position of every 64th event, from the first on. */
  readonly #marks: number[] = [];
  #count = 0;
  #isOver = false;

  get count(): number {
    return this.#count;
  }

  /** The position of the first event. */
  get first(): number | undefined {
    return this.#marks[0];
  }

  /** Whether the event that ends the stream is among them; no more are counted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Counts an event that comes after all others. False when the stream was over before. */
  add({ position, last }: { readonly position: number; readonly last: boolean }): boolean {
    if (this.#isOver) return false;
    if (this.#count % markEvery === 0) this.#marks.push(position);
    this.#count += 1;
    this.#isOver = last;
    return true;
  }

  /** A position before `position`, and how many events come up to there: fewer than 64 lie between the two. */
  near(position: number): { readonly from: number; readonly count: number } {
    let [low, high] = [0, this.#marks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const at = Math.max(low - 1, 0);
    return { from: Math.min((this.#marks[at] ?? 1) - 1, position), count: at * markEvery };
  }
}
