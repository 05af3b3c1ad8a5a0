/** Lets so much through at a time; the others wait their turn. */
export class Gate {
  readonly #width: number;
  #free: number;
  readonly #waiting: { readonly share: number; readonly enter: () => void }[] = [];

  constructor(width: number) {
    this.#width = width;
    this.#free = width;
  }

  /** Does a task when there is room for it. `weight`: how much of the width it takes, all of it when it is wider. */
  async pass<Result>(task: () => Promise<Result>, weight = 1): Promise<Result> {
    const share = Math.min(weight, this.#width);
    if (this.#waiting.length > 0 || this.#free < share) {
      await new Promise<void>((enter) => this.#waiting.push({ share, enter }));
    } else {
      this.#free -= share;
    }
    try {
      return await task();
    } finally {
      this.#free += share;
      this.#admit();
    }
  }

  /** The next ones take their places at once: one that comes later cannot be first. */
  #admit(): void {
    for (let next = this.#waiting[0]; next && next.share <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.share;
      next.enter();
    }
  }
}
