import type { Batch } from "../protocol/batch.ts";
import type { Excerpt } from "./excerpt.ts";
import type { Entry } from "./ring.ts";

/** How large a page is: what one write of it may leave in a client's socket. */
const pageBounds = { limit: 256, maxBytes: 64 * 1024 };

/** How many pages of a channel are kept for clients that read the same part at the same time. */
const keptPages = 8;

/** Entries of a feed in the order of the journal, with nothing missing in between. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Everything up to this position is in this page or before it. */
  readonly end: number;
  /** The frames of all entries, for the clients that are sent every one of them. */
  readonly batches: readonly Batch[];
}

/** Reads a feed's past page by page. Clients that ask for the same page share one reading and its encoded frames. */
export class Pages {
  readonly #parts: PagesParts;
  /** By the position before the page, the one that was asked for least recently first. */
  readonly #pages = new Map<number, Promise<Page | undefined>>();

  constructor(parts: PagesParts) {
    this.#parts = parts;
  }

  /**
   * The page after a position; what lies after `upTo` is left out. Undefined when some of it was removed from the journal.
   *
   * Throws `bus_away`.
   */
  async after(position: number, upTo: number): Promise<Page | undefined> {
    for (let known = this.#known(position); known; known = this.#known(position)) {
      const page = await known;
      if (page === undefined || page.end > position) return page;
      this.#forget(position, known);
    }
    const page = this.#read(position, upTo);
    this.#keep(position, page);
    return page;
  }

  /** Forgets every page: the journal begins another life. */
  clear(): void {
    this.#pages.clear();
  }

  /** Looked up in the same turn as it is kept: clients that ask one after the other, before it is read, share it. */
  #known(position: number): Promise<Page | undefined> | undefined {
    const known = this.#pages.get(position);
    if (known === undefined) return undefined;
    this.#pages.delete(position);
    this.#pages.set(position, known);
    return known;
  }

  #forget(position: number, page: Promise<Page | undefined>): void {
    if (this.#pages.get(position) === page) this.#pages.delete(position);
  }

  #keep(position: number, page: Promise<Page | undefined>): void {
    this.#pages.set(position, page);
    const forget = () => this.#forget(position, page);
    page.then((found) => found ?? forget(), forget);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > keptPages && oldest !== undefined) this.#pages.delete(oldest);
  }

  async #read(position: number, upTo: number): Promise<Page | undefined> {
    const { excerpt, entriesOf, batchesOf } = this.#parts;
    const { messages, lost, more } = await excerpt().read({ after: position, upTo, ...pageBounds });
    if (lost) return undefined;
    const entries = entriesOf(messages);
    return { entries, end: more ? (messages.at(-1)?.position ?? upTo) : upTo, batches: batchesOf(entries) };
  }
}

interface PagesParts {
  readonly excerpt: () => Excerpt;
  /** The entries of stored messages, up to the one that ends the stream; what fails its schema is left out. */
  readonly entriesOf: (messages: readonly StoredMessage[]) => readonly Entry[];
  readonly batchesOf: (entries: readonly Entry[]) => readonly Batch[];
}

type StoredMessage = Awaited<ReturnType<Excerpt["read"]>>["messages"][number];
