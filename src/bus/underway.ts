/** Promises that somebody may want to wait for, whatever becomes of them. */
export class Underway {
  readonly #promises = new Set<Promise<unknown>>();

  add<Result>(promise: Promise<Result>): Promise<Result> {
    this.#promises.add(promise);
    const forget = () => this.#promises.delete(promise);
    promise.then(forget, forget);
    return promise;
  }

  /** Resolves when all that were added are settled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#promises);
  }
}
