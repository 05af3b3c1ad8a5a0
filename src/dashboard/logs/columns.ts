const tabSize = 8;
const plain = /^[\x20-\x7e]*$/;
// Scripts and pictures that terminals give two columns; a measured line corrects what this gets wrong.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Whether every character is exactly one column wide in a font of fixed width. */
export function isPlain(text: string): boolean {
  return plain.test(text);
}

/** How many columns a line takes in a font of fixed width: exact for ASCII, a good guess for the rest. */
export function columnsOf(text: string): number {
  if (isPlain(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (character === "\t") columns += tabSize - (columns % tabSize);
    else columns += wide.test(character) ? 2 : 1;
  }
  return columns;
}
