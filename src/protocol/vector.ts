import { formatCursor, parseCursor } from "./cursor.ts";

const version = "v1";
const base = 36;
/** Digits of a name's mark: two of 128 names have the same one in one case of ten thousand million. */
const markDigits = 9;
const groupShape = /^[a-z0-9]{1,32}(?:\.[a-z0-9]{10,20}(?:-[a-z0-9]{1,3})?)+$/;

/**
 * Where a client stands in many streams at once.
 *
 * On the wire it is `v1` and, for every epoch, `_<epoch>` with each place in it: `.`, the mark of the stream's name, the
 * position, and `-<part>` when there is one; all numbers to the base of 36. So it does not matter in which order the
 * streams are asked for next time, or whether there are more or fewer of them.
 */
export class Vector {
  readonly #epochs = new Map<string, string>();
  readonly #groups = new Map<string, Group>();

  /** Remembers where the client stands in one stream, and gives where it stands in all. What is no cursor changes nothing. */
  move(name: string, cursor: string): string {
    const parsed = parseCursor(cursor);
    if (parsed) {
      const { epoch, position, part } = parsed;
      const before = this.#epochs.get(name);
      if (before !== undefined && before !== epoch) this.#groups.get(before)?.delete(name);
      this.#epochs.set(name, epoch);
      const group = this.#groups.get(epoch) ?? new Group();
      this.#groups.set(epoch, group);
      const tail = part === 0 ? "" : `-${part.toString(base)}`;
      group.set(name, position.toString(base) + tail);
    }
    let text = version;
    for (const [epoch, { text: places }] of this.#groups) if (places !== "") text += `_${epoch}${places}`;
    return text;
  }
}

/** How many shelves a group has: a place that moves is put together anew with its own shelf only. */
const shelves = 12;

/** The places of one epoch. */
class Group {
  readonly #shelves = Array.from({ length: shelves }, () => new Map<string, string>());
  readonly #texts = new Array<string>(shelves).fill("");
  readonly #marks = new Map<string, string>();
  text = "";

  set(name: string, place: string): void {
    const mark = this.#marks.get(name) ?? markOf(name);
    this.#marks.set(name, mark);
    this.#change(mark, `.${mark}${place}`);
  }

  delete(name: string): void {
    const mark = this.#marks.get(name) ?? "";
    this.#marks.delete(name);
    this.#change(mark, undefined);
  }

  #change(mark: string, place: string | undefined): void {
    const at = (mark.charCodeAt(markDigits - 1) || 0) % shelves;
    const shelf = this.#shelves[at];
    if (place === undefined) shelf?.delete(mark);
    else shelf?.set(mark, place);
    this.#texts[at] = [...(shelf?.values() ?? [])].join("");
    this.text = this.#texts.join("");
  }
}

/** The cursors in a vector, each by its stream's name; none at all when it was never one of ours. */
export function parseVector(text: string): (name: string) => string | undefined {
  const cursors = new Map<string, string>();
  const [head, ...groups] = text.split("_");
  if (head !== version || !groups.every((group) => groupShape.test(group))) return () => undefined;
  for (const group of groups) {
    const [epoch = "", ...places] = group.split(".");
    for (const place of places) {
      const [number = "", part = "0"] = place.slice(markDigits).split("-");
      const position = Number.parseInt(number, base);
      const cursor = formatCursor({ epoch, position, part: Number.parseInt(part, base) });
      cursors.set(place.slice(0, markDigits), cursor);
    }
  }
  return (name) => cursors.get(markOf(name));
}

/** A short name for a name: the same on every gateway. */
function markOf(name: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  const number = 4294967296 * (0x1fffff & low) + (high >>> 0);
  return (number % base ** markDigits).toString(base).padStart(markDigits, "0");
}
