/** Values on their way to one reader. */
export class Pipe<Value> implements AsyncIterableIterator<Value> {
  readonly #stop: () => void;
  readonly #waiting: ((result: IteratorResult<Value> | Promise<IteratorResult<Value>>) => void)[] = [];
  #values: Value[] = [];
  #isOver = false;
  #fault: Error | undefined;

  /** `stop` is called when the reader wants no more. */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(value: Value): void {
    if (this.#isOver) return;
    const give = this.#waiting.shift();
    if (give) give({ done: false, value });
    else this.#values.push(value);
  }

  /** A reader who is slow gets this instead of what waits. */
  replace(value: Value): void {
    this.#values = [];
    this.push(value);
  }

  /** Nothing more comes; a reader who has read everything hears the fault, once. */
  end(fault?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fault = fault;
    for (const give of this.#waiting.splice(0)) give(this.next());
    this.#stop();
  }

  async next(): Promise<IteratorResult<Value>> {
    for (const value of this.#values.splice(0, 1)) return { done: false, value };
    if (!this.#isOver) return new Promise((resolve) => this.#waiting.push(resolve));
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Value>> {
    this.#values = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
