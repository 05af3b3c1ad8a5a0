// @ts-check
import { isKeepalive } from "./frame.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./follow.js").State | "idle"} State */

const mostRows = 200;
const hues = 6;
// Beyond this, nobody reads line by line, and places to break would cost more than the text.
const mostBreakable = 8000;
// As long as that, a field stays on one line where the line is wide enough.
const mostTogether = 48;

/** @type {Record<State, string>} */
const words = {
  idle: "idle",
  connecting: "connecting",
  open: "live",
  waiting: "away",
  over: "over",
  refused: "refused",
};

/** One transport's side of the page: its state, its figures and its newest frames. */
export class Column {
  #state;
  #count;
  #cursor;
  #rows;
  /** @type {Frame[]} */
  #waiting = [];
  #frames = 0;
  /** @type {string | undefined} */
  #lastCursor;

  /** @param {HTMLElement} section */
  constructor(section) {
    this.#state = part(section, ".state");
    this.#count = part(section, ".count");
    this.#cursor = part(section, ".cursor");
    this.#rows = part(section, ".frames");
  }

  /** Begins with an empty column. */
  clear() {
    this.#waiting = [];
    this.#frames = 0;
    this.#lastCursor = undefined;
    this.#rows.replaceChildren();
    this.draw();
  }

  /**
   * @param {State} state
   * @param {string} detail
   */
  show(state, detail) {
    this.#state.dataset.state = state;
    this.#state.textContent = detail ? `${words[state]}: ${detail}` : words[state];
  }

  /** @param {Frame} frame */
  add(frame) {
    if (!isKeepalive(frame)) this.#frames++;
    this.#lastCursor = frame.cursor ?? this.#lastCursor;
    this.#waiting.push(frame);
    // A page in the background draws nothing for hours.
    if (this.#waiting.length > mostRows) this.#waiting.shift();
  }

  /** Shows what has come since the last time; called once per picture, however many frames that is. */
  draw() {
    this.#count.textContent = this.#frames.toLocaleString();
    this.#cursor.textContent = this.#lastCursor ?? "–";
    if (this.#waiting.length === 0) return;
    const rows = this.#rows;
    const isAtEnd = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40;
    rows.append(...this.#waiting.map(rowOf));
    this.#waiting = [];
    while (rows.childElementCount > mostRows) rows.firstElementChild?.remove();
    // Whoever has scrolled up is reading.
    if (isAtEnd) rows.scrollTop = rows.scrollHeight;
  }
}

/**
 * The one element that matches.
 *
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function part(parent, selector) {
  const found = parent.querySelector(selector);
  if (found instanceof HTMLElement) return found;
  throw new Error(`The page has no ${selector}`);
}

/** @param {Frame} frame */
function rowOf(frame) {
  const row = document.createElement("li");
  const type = document.createElement("span");
  const text = document.createElement("code");
  type.className = `type hue-${hueOf(frame.type)}`;
  type.textContent = frame.type;
  text.append(breakable(frame.text));
  row.classList.toggle("keepalive", isKeepalive(frame));
  row.classList.toggle("error", frame.error !== undefined);
  row.append(type, text);
  return row;
}

/**
 * A text whose lines end after a comma where they can. What is copied from it is the text itself.
 *
 * @param {string} text
 */
function breakable(text) {
  const inline = document.createElement("span");
  const parts = text.length > mostBreakable ? [text] : text.split(/(?<=,)/);
  for (const words of parts) {
    const field = document.createElement("span");
    field.classList.toggle("together", words.length <= mostTogether);
    field.textContent = words;
    inline.append(field, document.createElement("wbr"));
  }
  return inline;
}

/** @param {string} type */
function hueOf(type) {
  let sum = 0;
  for (const char of type) sum = (sum * 31 + char.charCodeAt(0)) % 9973;
  return sum % hues;
}
