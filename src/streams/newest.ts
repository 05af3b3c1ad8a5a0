import { sizeOf } from "./size.ts";

/** How many items are remembered. */
const itemsMax = 10_000;

/** How much all of them may take, in UTF-16 code units of JSON. */
const sizeMax = 8 * 1024 * 1024;

/** The newest values under their keys, bounded in number and size; of more, the oldest are forgotten. */
export class Newest<Value> {
  readonly #items = new Map<string, { readonly value: Value; readonly size: number }>();
  readonly #onDelete: (key: string, value: Value) => void;
  #size = 0;

  /** `onDelete` hears of every value that goes, also to make room. */
  constructor(onDelete: (key: string, value: Value) => void = () => {}) {
    this.#onDelete = onDelete;
  }

  has(key: string): boolean {
    return this.#items.has(key);
  }

  get(key: string): Value | undefined {
    return this.#items.get(key)?.value;
  }

  /** Makes a value the newest. */
  set(key: string, value: Value): void {
    this.delete(key);
    const size = key.length + sizeOf(value);
    this.#items.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= itemsMax && this.#size <= sizeMax) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const known = this.#items.get(key);
    if (known === undefined) return;
    this.#items.delete(key);
    this.#size -= known.size;
    this.#onDelete(key, known.value);
  }

  /** Oldest first. */
  *entries(): Iterable<readonly [string, Value]> {
    for (const [key, { value }] of this.#items) yield [key, value];
  }

  /** Oldest first. */
  *values(): Iterable<Value> {
    for (const { value } of this.#items.values()) yield value;
  }
}
