import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the project. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A box of code on a page. */
export interface Box {
  readonly section: string;
  readonly language: string;
  readonly code: string;
  /** The file that it shows whole, if it says one in its first two lines. */
  readonly file: string | undefined;
}

const languages: ReadonlySet<string> = new Set(["sh", "bash", "js", "ts", "python"]);

/** The recipes, box by box; knows which nobody has taken. */
export class Boxes {
  /** Every box that shows a file. */
  readonly listings: readonly Box[];
  readonly #untaken: Box[];

  constructor(page: string) {
    const boxes: Box[] = [];
    let section = "";
    for (const [, heading, language = "", code = ""] of read(page).matchAll(/^## ([^\n]+)$|^```(\w*)\n(.*?)^```$/gms)) {
      if (heading !== undefined) section = heading;
      else if (languages.has(language)) boxes.push({ section, language, code, file: fileOf(code) });
    }
    this.listings = boxes.filter(({ file }) => file !== undefined);
    this.#untaken = boxes.filter(({ file }) => file === undefined);
  }

  /** The next box of a section that holds `word`; throws an Error when there is none. */
  take(section: string, word: string): string {
    const at = this.#untaken.findIndex((box) => box.section === section && box.code.includes(word));
    const [box] = at < 0 ? [] : this.#untaken.splice(at, 1);
    if (!box) throw new Error(`No box in "${section}" has ${word}, or it was taken before`);
    return box.code;
  }

  /** What no test has taken. */
  get untaken(): string[] {
    return this.#untaken.map(({ section, code }) => `${section}: ${code}`);
  }
}

/** The text of a file of the project. */
export function read(path: string): string {
  return readFileSync(`${root}/${path}`, "utf8");
}

function fileOf(code: string): string | undefined {
  const [first = "", second = ""] = code.split("\n");
  const isComment = (line: string) => /^(#|\/\/)/.test(line);
  const head = [first, second].filter(isComment).join("\n");
  return /examples\/recipes\/[\w.-]+/.exec(head)?.[0];
}
