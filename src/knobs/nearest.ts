/** The word that somebody may have meant who wrote another one; undefined when none is near. */
export function nearest(written: string, words: readonly string[]): string | undefined {
  const spelled = written.toLowerCase().replaceAll(/[^a-z]/g, "");
  const ranked = words
    .map((word) => ({ word, off: distance(spelled, word.toLowerCase()) }))
    .sort((a, b) => a.off - b.off);
  const [best] = ranked;
  return best && best.off <= Math.max(2, written.length / 3) ? best.word : undefined;
}

/** How many letters to insert, drop or replace to get from one word to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
