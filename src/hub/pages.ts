import { endOfTurn } from "../bus/turn.ts";
import type { Batch } from "../protocol/batch.ts";
import type { Excerpt } from "./excerpt.ts";
import type { Entry } from "./ring.ts";

/** How large a page is: what one write of it may leave in a client's socket, or what fits the answer to a poll. */
const pageBounds = {
  write: { limit: 256, maxBytes: 64 * 1024 },
  answer: { limit: 4000, maxBytes: 1024 * 1024 },
} as const;

export type PageSize = keyof typeof pageBounds;

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
  readonly #pages = new Map<string, Promise<Page | undefined>>();

  constructor(parts: PagesParts) {
    this.#parts = parts;
  }

  /**
   * The page after a position; what lies after `upTo` is left out. Undefined when some of it was removed from the journal.
   *
   * Throws `bus_away`.
   */
  async after(position: number, upTo: number, size: PageSize): Promise<Page | undefined> {
    const key = `${size} ${position}`;
    for (let known = this.#known(key); known; known = this.#known(key)) {
      const page = await known;
      if (page === undefined || page.end > position) return page;
      this.#forget(key, known);
    }
    const page = this.#read(position, upTo, size);
    this.#keep(key, page);
    // One that fits an answer is large, and its frames are kept by the answer itself.
    if (size === "answer") page.finally(() => this.#forget(key, page)).catch(() => {});
    return page;
  }

  /** Forgets every page: the journal begins another life. */
  clear(): void {
    this.#pages.clear();
  }

  /** Looked up in the same turn as it is kept: clients that ask one after the other, before it is read, share it. */
  #known(key: string): Promise<Page | undefined> | undefined {
    const known = this.#pages.get(key);
    if (known === undefined) return undefined;
    this.#pages.delete(key);
    this.#pages.set(key, known);
    return known;
  }

  #forget(key: string, page: Promise<Page | undefined>): void {
    if (this.#pages.get(key) === page) this.#pages.delete(key);
  }

  #keep(key: string, page: Promise<Page | undefined>): void {
    this.#pages.set(key, page);
    const forget = () => this.#forget(key, page);
    page.then((found) => found ?? forget(), forget);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > keptPages && oldest !== undefined) this.#pages.delete(oldest);
  }

  async #read(position: number, upTo: number, size: PageSize): Promise<Page | undefined> {
    const { excerpt, entriesOf, batchesOf } = this.#parts;
    const { messages, lost, more } = await excerpt().read({ after: position, upTo, ...pageBounds[size] });
    if (lost) return undefined;
    // A bus in this process answers at once, and others have their turn, too.
    await endOfTurn();
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
