/** Values on their way to one reader, who iterates over them. */
export interface Pipe<Value> extends AsyncIterableIterator<Value> {
  push(value: Value): void;
  /** A reader who is slow gets this instead of what waits. */
  replace(value: Value): void;
  /** Nothing more comes; a reader who has read everything hears the fault, once. */
  end(fault?: Error): void;
}

/** `stop` is called when the reader wants no more, or nothing more comes. */
export function pipe<Value>(stop: () => void): Pipe<Value> {
  type Result = IteratorResult<Value>;
  const waiting: ((result: Result | Promise<Result>) => void)[] = [];
  let values: Value[] = [];
  let last: Promise<Result> | undefined;
  const over: Result = { done: true, value: undefined };
  const self: Pipe<Value> = {
    push(value) {
      const give = waiting.shift();
      if (give) give({ done: false, value });
      else values.push(value);
    },
    replace(value) {
      values = [];
      self.push(value);
    },
    end(fault) {
      if (last) return;
      last = fault ? Promise.reject(fault) : Promise.resolve(over);
      last.catch(() => {});
      for (const give of waiting.splice(0)) give(self.next());
      stop();
    },
    async next() {
      for (const value of values.splice(0, 1)) return { done: false, value };
      const result = last ?? new Promise<Result>((resolve) => waiting.push(resolve));
      if (last) last = Promise.resolve(over);
      return result;
    },
    async return() {
      values = [];
      self.end();
      return over;
    },
    [Symbol.asyncIterator]: () => self,
  };
  return self;
}
