/** An open connection, as far as it tells of itself. */
export interface Attending {
  readonly transport: string;
  readonly guest: {
    readonly principal: { readonly org: string; readonly subject: string };
    /** The streams that it follows, each as its path and query. */
    readonly streams: readonly string[];
  };
  readonly sentFrames: number;
  readonly sentBytes: number;
  /** Frames that are to be sent and have not been handed to its socket. */
  readonly behind: number;
  /** Bytes handed to its socket that the network has not taken yet. */
  pendingBytes(): number;
}

/** How a connection ended: the close code of a WebSocket, and our own reason when we ended it. */
export interface Farewell {
  readonly by: "client" | "gateway";
  readonly code: number | undefined;
  readonly reason: string | undefined;
}

/** A connection at one moment. */
export interface Present {
  /** Counts the connections of an org from 1. */
  readonly id: number;
  readonly transport: string;
  readonly org: string;
  readonly subject: string;
  /** The first of its streams. */
  readonly streams: readonly string[];
  readonly streamCount: number;
  readonly sinceMs: number;
  readonly frames: number;
  readonly bytes: number;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
}

/** A connection that is over, as it was at its end. */
export interface Departed extends Present, Farewell {
  readonly closedMs: number;
}

/** The connections of an org at one moment. */
export interface Survey {
  readonly byTransport: ReadonlyMap<string, number>;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  /** Those that wait for most first, then the newest; all that wait, and as many others as anybody may see. */
  readonly open: readonly Present[];
}

interface Book {
  readonly org: string;
  readonly open: Map<Attending, { readonly id: number; readonly sinceMs: number }>;
  /** The newest last. */
  readonly closed: Departed[];
  count: number;
  survey: (Survey & { readonly atMs: number }) | undefined;
}

const mostClosed = 100;

/** Of how many streams of one connection the names are told. */
const mostNames = 16;

/** Of how many connections that wait for nothing is told. */
const mostLevel = 1000;

/** Of how many orgs without an open connection is remembered who was there. */
const mostQuiet = 100;

/** How old a survey may be: however many ask, all connections are looked through once in that time. */
const surveyMs = 1000;

/** The connections that are open, and the last of those that were, by org: no org is counted for another. */
export class Attendance {
  readonly #now: () => number;
  readonly #books = new Map<string, Book>();
  readonly #quiet = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Every org of which there is something to tell. */
  get orgs(): readonly string[] {
    return [...this.#books.keys()];
  }

  arrive(one: Attending): void {
    const { org } = one.guest.principal;
    const book = this.#books.get(org) ?? { org, open: new Map(), closed: [], count: 0, survey: undefined };
    this.#books.set(org, book);
    this.#quiet.delete(org);
    book.count += 1;
    book.open.set(one, { id: book.count, sinceMs: this.#now() });
  }

  /** Forgets a connection, or remembers how it ended; one that never came is ignored. */
  depart(one: Attending, farewell: Farewell | undefined): void {
    const book = this.#books.get(one.guest.principal.org);
    if (!book?.open.has(one)) return;
    if (farewell) book.closed.push({ ...presentIn(book, one), ...farewell, closedMs: this.#now() });
    if (book.closed.length > mostClosed) book.closed.shift();
    book.open.delete(one);
    if (book.open.size === 0) this.#rest(book);
  }

  /** The open connections of an org, as they were within the last second. */
  survey(org: string): Survey {
    const book = this.#books.get(org);
    if (!book) return nobody;
    const atMs = this.#now();
    if (!book.survey || atMs - book.survey.atMs >= surveyMs) book.survey = { ...surveyOf(book), atMs };
    return book.survey;
  }

  /** The open connections of one subject of an org, as they are now; in the order of a survey. */
  openOf(org: string, subject: string): readonly Present[] {
    const book = this.#books.get(org);
    return book ? rowsOf(book, ({ guest }) => guest.principal.subject === subject) : [];
  }

  /** The last connections of an org that ended, the newest first. */
  closed(org: string): readonly Departed[] {
    return this.#books.get(org)?.closed.toReversed() ?? [];
  }

  #rest({ org }: Book): void {
    this.#quiet.add(org);
    const [longest] = this.#quiet;
    if (this.#quiet.size <= mostQuiet || longest === undefined) return;
    this.#quiet.delete(longest);
    this.#books.delete(longest);
  }
}

const nobody: Survey = { byTransport: new Map(), queuedFrames: 0, queuedBytes: 0, open: [] };

function surveyOf(book: Book): Survey {
  const byTransport = new Map<string, number>();
  let queuedFrames = 0;
  let queuedBytes = 0;
  for (const one of book.open.keys()) {
    byTransport.set(one.transport, (byTransport.get(one.transport) ?? 0) + 1);
    queuedFrames += one.behind;
    queuedBytes += one.pendingBytes();
  }
  return { byTransport, queuedFrames, queuedBytes, open: rowsOf(book, () => true) };
}

/** Rows are made of few: of ten thousand connections the most wait for nothing. */
function rowsOf(book: Book, isSeen: (one: Attending) => boolean): Present[] {
  const seen = [...book.open.keys()].filter(isSeen);
  const isWaiting = (one: Attending) => one.behind > 0 || one.pendingBytes() > 0;
  const older = seen.slice(0, Math.max(0, seen.length - mostLevel)).filter(isWaiting);
  const rows = [...older, ...seen.slice(-mostLevel)].map((one) => presentIn(book, one));
  return rows.sort((a, b) => b.queuedFrames - a.queuedFrames || b.queuedBytes - a.queuedBytes || b.id - a.id);
}

function presentIn(book: Book, one: Attending): Present {
  const { id, sinceMs } = book.open.get(one) ?? { id: 0, sinceMs: 0 };
  const { principal, streams } = one.guest;
  return {
    id,
    transport: one.transport,
    org: principal.org,
    subject: principal.subject,
    streams: streams.slice(0, mostNames),
    streamCount: streams.length,
    sinceMs,
    frames: one.sentFrames,
    bytes: one.sentBytes,
    queuedFrames: one.behind,
    queuedBytes: one.pendingBytes(),
  };
}
