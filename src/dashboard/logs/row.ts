import { type Piece, piecesOf, plainText } from "./ansi.ts";
import type { Entry } from "./line-store.ts";

/** What is shown of the lines besides their text. */
export interface Look {
  /** What is marked in each line, with the flag `g`. */
  readonly pattern: RegExp | undefined;
  /** The number of the line that the search stands at. */
  readonly current: number | undefined;
  /** After how many characters a line is cut, where nobody would read on. */
  readonly mostCharacters: number;
}

/** The element that shows an entry. */
export function elementOf(entry: Entry, number: number, look: Look): HTMLElement {
  const row = document.createElement("div");
  row.dataset.number = String(number);
  if (typeof entry !== "string") {
    row.className = `rule ${entry.kind}`;
    row.textContent = entry.text;
    row.title = entry.text;
    return row;
  }
  row.className = number === look.current ? "line current" : "line";
  const shown = entry.length > look.mostCharacters ? entry.slice(0, look.mostCharacters) : entry;
  row.append(...nodesOf(shown, look.pattern));
  if (shown !== entry) {
    const rest = document.createElement("span");
    rest.className = "rest";
    rest.textContent = ` … ${(entry.length - shown.length).toLocaleString()} more characters; wrap lines to see them`;
    row.append(rest);
  }
  return row;
}

function nodesOf(line: string, pattern: RegExp | undefined): Node[] {
  const ranges = pattern ? rangesIn(plainText(line), pattern) : [];
  let at = 0;
  return piecesOf(line).flatMap((piece) => {
    const parts = cut(piece.text, at, ranges);
    at += piece.text.length;
    return parts.map(({ text, isMarked }) => nodeOf({ ...piece, text }, isMarked));
  });
}

function nodeOf({ text, classes, colour, background }: Piece, isMarked: boolean): Node {
  if (!isMarked && classes.length === 0 && !colour && !background) return document.createTextNode(text);
  const element = document.createElement(isMarked ? "mark" : "span");
  element.classList.add(...classes, ...(colour ? ["ansi-fg"] : []), ...(background ? ["ansi-bg"] : []));
  // Set by a script, which the Content-Security-Policy allows; a style attribute it would not.
  if (colour) element.style.setProperty("--fg", colour);
  if (background) element.style.setProperty("--bg", background);
  element.textContent = text;
  return element;
}

type Range = readonly [from: number, to: number];

function rangesIn(text: string, pattern: RegExp): Range[] {
  return [...text.matchAll(pattern)].map(({ index, 0: { length } }) => [index, index + length]);
}

/** A text that begins at `offset` of its line, cut where the ranges of the line begin and end. */
function cut(text: string, offset: number, ranges: readonly Range[]): { text: string; isMarked: boolean }[] {
  const parts: { text: string; isMarked: boolean }[] = [];
  const add = (from: number, to: number, isMarked: boolean) => {
    if (to > from) parts.push({ text: text.slice(from, to), isMarked });
  };
  let at = 0;
  for (const [from, to] of ranges) {
    const start = Math.min(Math.max(from - offset, at), text.length);
    const end = Math.min(Math.max(to - offset, start), text.length);
    add(at, start, false);
    add(start, end, true);
    at = end;
  }
  add(at, text.length, false);
  return parts;
}
