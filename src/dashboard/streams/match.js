// @ts-check
import { isOfConnection } from "./frame.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {"sse" | "ws"} Side */
/** @typedef {{ text: string, place: number, atMs: number }} Entry */

/**
 * @typedef {object} Verdict
 * @property {"waiting" | "same" | "different" | "error"} state
 * @property {number} pairs how many frames came on both sides
 * @property {number} single how many came on one side only, and not just now
 * @property {string} fault what is different, or why the gateway refuses
 */

// A frame that has had this long to arrive on the other side will not.
const lateMs = 2000;
const remembered = 1000;

/**
 * Whether both transports say the same, byte for byte and in the same order.
 *
 * Two connections do not begin at the same moment, so frames are paired by what they are: their type and cursor. What
 * only one side was ever sent (the snapshot of a place the other one passed before) is counted, not called different.
 */
export class Match {
  /** @type {Record<Side, Map<string, Entry>>} */
  #unpaired = { sse: new Map(), ws: new Map() };
  /** @type {Record<Side, number>} */
  #seen = { sse: 0, ws: 0 };
  /** @type {Record<Side, number>} */
  #lastPaired = { sse: 0, ws: 0 };
  /** @type {Record<Side, Map<string, number>>} */
  #nameless = { sse: new Map(), ws: new Map() };
  /** @type {Record<Side, string | undefined>} */
  #errors = { sse: undefined, ws: undefined };
  #pairs = 0;
  #fault = "";

  /**
   * @param {Side} side
   * @param {Frame} frame
   */
  add(side, frame) {
    this.#errors[side] = frame.error;
    if (isOfConnection(frame)) return;
    const key = this.#keyOf(side, frame);
    const mine = { text: frame.text, place: ++this.#seen[side], atMs: performance.now() };
    const otherSide = side === "sse" ? "ws" : "sse";
    const other = this.#unpaired[otherSide].get(key);
    if (other) {
      this.#unpaired[otherSide].delete(key);
      this.#judge({ [side]: mine, [otherSide]: other }, key);
    } else {
      remember(this.#unpaired[side], key, mine);
    }
  }

  /** @returns {Verdict} */
  get verdict() {
    const deadline = performance.now() - lateMs;
    const waiting = [...this.#unpaired.sse.values(), ...this.#unpaired.ws.values()];
    const single = waiting.filter(({ atMs }) => atMs < deadline).length;
    const error = this.#errors.sse ?? this.#errors.ws;
    return { state: this.#state(error), pairs: this.#pairs, single, fault: this.#fault || error || "" };
  }

  /** @param {string | undefined} error */
  #state(error) {
    if (this.#fault) return "different";
    if (error !== undefined) return "error";
    return this.#pairs > 0 ? "same" : "waiting";
  }

  /**
   * @param {Record<string, Entry>} pair
   * @param {string} key
   */
  #judge(pair, key) {
    const { sse, ws } = pair;
    if (!sse || !ws) return;
    this.#pairs++;
    if (sse.text !== ws.text) this.#fault ||= `not the same bytes: ${key}`;
    if (sse.place < this.#lastPaired.sse || ws.place < this.#lastPaired.ws)
      this.#fault ||= `not the same order: ${key}`;
    this.#lastPaired = { sse: sse.place, ws: ws.place };
  }

  /**
   * @param {Side} side
   * @param {Frame} frame
   */
  #keyOf(side, { type, cursor }) {
    if (cursor !== undefined) return `${type} ${cursor}`;
    const count = (this.#nameless[side].get(type) ?? 0) + 1;
    this.#nameless[side].set(type, count);
    return `${type} number ${count}`;
  }
}

/**
 * @param {Map<string, Entry>} entries
 * @param {string} key
 * @param {Entry} entry
 */
function remember(entries, key, entry) {
  entries.set(key, entry);
  for (const oldest of entries.keys()) {
    if (entries.size <= remembered) return;
    entries.delete(oldest);
  }
}
