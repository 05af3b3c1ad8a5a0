/** What every escape sequence begins with. */
export const esc = "\u001b";

/** What turns colours on and off in a terminal: control sequences (ECMA-48, 5.4), and the character set that `tput sgr0` resets. */
const sequence = new RegExp(`${esc}(?:\\[[0-?]*[ -/]*[@-~]|[()][0-9A-Za-z])`, "g");

/** Where in a text without its colour codes one of them was. */
export interface Code {
  readonly at: number;
  readonly code: string;
}

/** A text as it is read, and the colour codes in it. */
export interface Uncoloured {
  readonly text: string;
  readonly codes: readonly Code[];
}

/** Takes the colour codes out of a text. */
export function uncoloured(coloured: string): Uncoloured {
  const codes: Code[] = [];
  let text = "";
  let end = 0;
  for (const { 0: code, index } of coloured.matchAll(sequence)) {
    text += coloured.slice(end, index);
    codes.push({ at: text.length, code });
    end = index + code.length;
  }
  return { text: text + coloured.slice(end), codes };
}

/** A text without its last `count` characters, colour codes not counted: those of the end are left out as well. */
export function withoutEnd(coloured: string, count: number): string {
  if (!coloured.includes(esc)) return coloured.slice(0, -count);
  const { text, codes } = uncoloured(coloured);
  const shown = text.slice(0, -count);
  return woven(
    shown,
    codes.filter(({ at }) => at < shown.length),
  );
}

/** Puts colour codes back into a text. */
export function woven(text: string, codes: readonly Code[]): string {
  let whole = "";
  let end = 0;
  for (const { at, code } of codes) {
    whole += text.slice(end, at) + code;
    end = at;
  }
  return whole + text.slice(end);
}

/** Where the bytes lie in a line that are no colour codes. */
export function plainPlaces(line: Buffer): Uint32Array {
  // One character for each byte, so that the places of both are the same.
  const coloured = line.toString("latin1");
  const places = new Uint32Array(line.length);
  let count = 0;
  let end = 0;
  const take = (until: number) => {
    for (let at = end; at < until; at++) places[count++] = at;
  };
  for (const { 0: code, index } of coloured.matchAll(sequence)) {
    take(index);
    end = index + code.length;
  }
  take(coloured.length);
  return places.subarray(0, count);
}
