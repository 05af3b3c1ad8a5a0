import Anser from "anser";

/** A part of a line that looks the same from its first to its last character. */
export interface Piece {
  readonly text: string;
  readonly classes: readonly string[];
  /** A colour beyond the sixteen that have classes, as CSS has it. */
  readonly colour?: string;
  readonly background?: string;
}

const esc = String.fromCharCode(27);

/**
 * Escape sequences (ECMA-48) that move a cursor, erase, or set a title; in a log they mean nothing. The gateway has made
 * U+FFFD of the bell that may end a title.
 */
const title = String.raw`\][^${esc}\ufffd]*(?:${esc}\\|\ufffd)?`;
const control = String.raw`\[(?:[0-?]*[ -/]*[@-ln-~]|[<-?][0-?]*m)`;
const short = "[ -/]*[0-OQ-Z\\\\^_`a-z]";
const meaningless = new RegExp(`${esc}(?:${title}|${control}|${short})`, "g");
const colours = new RegExp(String.raw`${esc}\[[0-9;:]*m`, "g");
/** One that is cut off, at the end of a line that was too long. */
const torn = new RegExp(String.raw`${esc}(?!\[[0-9;:]*m)(?:\[[0-?]*)?`, "g");

/** A line as it is read: without any escape sequence. */
export function plainText(line: string): string {
  return line.includes(esc) ? cleaned(line).replace(colours, "") : line;
}

/** The parts of a line, each with the classes of its colours (`ansi-red-fg`, `ansi-green-bg`) and decorations. */
export function piecesOf(line: string): readonly Piece[] {
  if (!line.includes(esc)) return [{ text: line, classes: [] }];
  const options = { json: true, use_classes: true, remove_empty: true } as const;
  return Anser.ansiToJson(cleaned(line), options).map((entry) => {
    const fg = shade(entry.fg, entry.fg_truecolor);
    const bg = shade(entry.bg, entry.bg_truecolor);
    const decorations = entry.decorations.map((name) => `ansi-${name}`);
    return {
      text: entry.content,
      classes: [...(fg.name ? [`${fg.name}-fg`] : []), ...(bg.name ? [`${bg.name}-bg`] : []), ...decorations],
      ...(fg.css ? { colour: fg.css } : {}),
      ...(bg.css ? { background: bg.css } : {}),
    };
  });
}

function cleaned(line: string): string {
  return line.replace(meaningless, "").replace(torn, "");
}

/** A colour as a class where it is one of the sixteen, else as CSS. */
function shade(name: string | null, rgb: string | null): { readonly name?: string; readonly css?: string } {
  if (!name) return {};
  if (name === "ansi-truecolor") return rgb ? { css: `rgb(${rgb})` } : {};
  const number = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  return number === undefined ? { name } : { css: paletteColour(Number(number)) };
}

/** The colours from 16 to 255 of xterm's palette: a cube of 6 × 6 × 6, then 24 greys. */
function paletteColour(number: number): string {
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const at = number - 16;
  const levels = [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((step) => (step === 0 ? 0 : 55 + step * 40));
  return `rgb(${levels.join(" ")})`;
}
