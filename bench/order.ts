/** What came in at one client, frame by frame, against what was published. */
export class Order {
  /** Different frames received. */
  distinct = 0;
  /** Frames received twice without a reason. */
  duplicates = 0;
  /** Frames received after a later one. */
  misordered = 0;
  /** Times the server said that the client had fallen behind and gave it a fresh snapshot. */
  lagged = 0;
  /** Frames received again because a fresh snapshot replayed them. */
  replayed = 0;
  /** Whether the last frame has been received. */
  complete = false;

  readonly #total: number;
  #next = 0;
  #seen: Uint8Array | undefined;

  constructor(total: number) {
    this.#total = total;
  }

  /** Frames not received although a later one was. */
  get gaps(): number {
    return this.#next - this.distinct;
  }

  /** Frames after the newest one received. */
  get behind(): number {
    return this.#total - this.#next;
  }

  /** Takes note of one frame; true when it is a new one. */
  take(seq: number): boolean {
    if (seq !== this.#next || this.#seen !== undefined) return this.#outOfStep(seq);
    this.#next = seq + 1;
    this.distinct++;
    if (this.#next === this.#total) this.complete = true;
    return true;
  }

  #outOfStep(seq: number): boolean {
    this.#seen ??= new Uint8Array(this.#total).fill(1, 0, this.#next);
    if (seq >= this.#total || this.#seen[seq] === 1) {
      if (this.lagged > 0) this.replayed++;
      else this.duplicates++;
      return false;
    }
    this.#seen[seq] = 1;
    this.distinct++;
    if (seq < this.#next && this.lagged === 0) this.misordered++;
    this.#next = Math.max(this.#next, seq + 1);
    if (seq === this.#total - 1) this.complete = true;
    return true;
  }
}
