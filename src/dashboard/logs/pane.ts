import { isPlain } from "./columns.ts";
import type { LineStore } from "./line-store.ts";
import { elementOf, type Look } from "./row.ts";

/** The height of a row in pixels; the style of a pane says the same. */
export const rowHeight = 18;

/** Rows above and below the window, so that a fast scroll does not show a blank. */
const overscan = 12;

/** A line that is wider is cut while lines are not wrapped. */
const mostCharacters = 10_000;

/** Where a pane is drawn: a box that scrolls, in it a sheet as high as the whole log, in it the rows that are seen. */
export interface PaneParts {
  readonly box: HTMLElement;
  readonly sheet: HTMLElement;
  readonly rows: HTMLElement;
  readonly store: LineStore;
  /** Called after each drawing, and so at most once per picture. */
  readonly drawn: (pane: Pane) => void;
}

/**
 * The window through which a log is seen. Only the rows in it are in the page, however long the log is, and it is drawn at
 * most once per picture, however many lines come.
 */
export class Pane {
  readonly #parts: PaneParts;
  /** The rows in the page, by the number of their entry. */
  #shown = new Map<number, HTMLElement>();
  #look: Look = { pattern: undefined, current: undefined, mostCharacters };
  #isFollowing = true;
  #isWrapped = false;
  #picture = 0;
  #readLines = 0;
  #columnWidth = 0;
  readonly #resizes: ResizeObserver;

  constructor(parts: PaneParts) {
    this.#parts = parts;
    this.#resizes = new ResizeObserver(() => this.#fit());
    this.#resizes.observe(parts.box);
    parts.box.addEventListener("scroll", this.#scrolled, { passive: true });
  }

  /** Whether the newest line is always in sight. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** The number of the first entry in the window. */
  get firstInSight(): number {
    const { box, store } = this.#parts;
    return store.entryAt(Math.ceil(box.scrollTop / rowHeight) - this.#headRows);
  }

  /** How many lines have come since it was paused. */
  get unread(): number {
    return this.#isFollowing ? 0 : this.#parts.store.lines - this.#readLines;
  }

  /** Stands still where it is; lines go on being collected. */
  pause(): void {
    if (!this.#isFollowing) return;
    this.#isFollowing = false;
    this.#readLines = this.#parts.store.lines;
    this.draw();
  }

  /** Goes to the newest line and stays there. */
  follow(): void {
    this.#isFollowing = true;
    this.draw();
  }

  /** Breaks lines at the edge of the window, or does not. What is at the top stays there. */
  wrap(isWrapped: boolean): void {
    if (isWrapped === this.#isWrapped) return;
    this.#isWrapped = isWrapped;
    this.#parts.rows.classList.toggle("wrapped", isWrapped);
    this.#fit();
  }

  /** Marks what matches, and the line of that number. */
  mark(pattern: RegExp | undefined, current: number | undefined): void {
    this.#look = { ...this.#look, pattern, current };
    this.#anew();
  }

  /** Shows an entry in the middle of the window, and stands still there. */
  show(number: number): void {
    this.pause();
    const { box, store } = this.#parts;
    const above = (store.rowOf(number) + this.#headRows) * rowHeight;
    this.#setHeight();
    box.scrollTop = Math.max(0, above - box.clientHeight / 2);
    this.draw();
  }

  /** Draws it with the next picture. */
  draw(): void {
    this.#picture ||= requestAnimationFrame(() => {
      this.#picture = 0;
      this.#draw();
      this.#parts.drawn(this);
    });
  }

  close(): void {
    cancelAnimationFrame(this.#picture);
    this.#resizes.disconnect();
    this.#parts.box.removeEventListener("scroll", this.#scrolled);
  }

  /** Above the oldest line stands a rule that says that there were older ones. */
  get #headRows(): number {
    return this.#parts.store.droppedLines > 0 ? 1 : 0;
  }

  readonly #scrolled = () => {
    const { box } = this.#parts;
    const below = box.scrollHeight - box.clientHeight - box.scrollTop;
    // A drawing leaves nothing below, so whatever is there somebody has scrolled.
    if (this.#isFollowing && below > rowHeight * 1.5) this.pause();
    else if (!this.#isFollowing && below < rowHeight / 2) this.follow();
    else this.draw();
  };

  #draw(): void {
    const { box, store } = this.#parts;
    const gone = store.takeDroppedRows();
    this.#setHeight();
    if (this.#isFollowing) box.scrollTop = box.scrollHeight;
    else if (gone > 0) box.scrollTop -= gone * rowHeight;
    const top = Math.floor(box.scrollTop / rowHeight) - this.#headRows;
    const inSight = Math.ceil(box.clientHeight / rowHeight);
    const from = store.entryAt(top - overscan);
    const to = Math.min(store.entryAt(top + inSight + overscan) + 1, store.end);
    this.#show(from, to);
    if (this.#isWrapped && this.#measure(from, to)) this.draw();
  }

  #setHeight(): void {
    const { sheet, store } = this.#parts;
    sheet.style.height = `${(store.rows + this.#headRows) * rowHeight}px`;
    const width = Math.min(store.widest, mostCharacters + 80) * this.#columnWidth;
    sheet.style.minWidth = this.#isWrapped ? "" : `${Math.ceil(width) + 24}px`;
  }

  #show(from: number, to: number): void {
    const { rows, store } = this.#parts;
    const shown = new Map<number, HTMLElement>();
    for (let number = from; number < to; number++) {
      const entry = store.get(number);
      if (entry === undefined) continue;
      shown.set(number, this.#shown.get(number) ?? elementOf(entry, number, this.#look));
    }
    for (const [number, row] of this.#shown) if (!shown.has(number)) row.remove();
    let last: Element | null = null;
    for (const row of shown.values()) {
      const next: Element | null = last ? last.nextElementSibling : rows.firstElementChild;
      if (next !== row) rows.insertBefore(row, next);
      last = row;
    }
    this.#shown = shown;
    rows.style.top = `${(store.rowOf(from) + this.#headRows) * rowHeight}px`;
  }

  /** Tells the store how many rows those lines really take whose width was a guess. Whether that was news. */
  #measure(from: number, to: number): boolean {
    let isNews = false;
    for (let number = from; number < to; number++) {
      const row = this.#shown.get(number);
      if (!row || isPlain(row.textContent ?? "")) continue;
      isNews = this.#parts.store.measure(number, Math.round(row.offsetHeight / rowHeight)) || isNews;
    }
    return isNews;
  }

  /** To be called when the width of the window or of a character is another one. */
  #fit(): void {
    const { box, rows, store } = this.#parts;
    const first = store.entryAt(Math.floor(box.scrollTop / rowHeight) - this.#headRows);
    this.#columnWidth = columnWidthIn(rows);
    const { paddingLeft, paddingRight } = getComputedStyle(rows);
    const room = box.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
    this.#parts.sheet.style.setProperty("--window", `${room}px`);
    // A little less than a column may be missing by rounding.
    const columns = Math.max(8, Math.floor(room / this.#columnWidth + 0.01));
    store.wrapAt(this.#isWrapped ? columns : Number.POSITIVE_INFINITY);
    this.#look = { ...this.#look, mostCharacters: this.#isWrapped ? Number.POSITIVE_INFINITY : mostCharacters };
    this.#anew();
    if (this.#isFollowing) return;
    this.#setHeight();
    box.scrollTop = (store.rowOf(first) + this.#headRows) * rowHeight;
  }

  #anew(): void {
    for (const row of this.#shown.values()) row.remove();
    this.#shown.clear();
    this.draw();
  }
}

/** How wide a character is in the font of an element, in pixels. */
function columnWidthIn(rows: HTMLElement): number {
  const ruler = document.createElement("span");
  ruler.textContent = "0".repeat(100);
  rows.append(ruler);
  const { width } = ruler.getBoundingClientRect();
  ruler.remove();
  return width / 100 || 8;
}
