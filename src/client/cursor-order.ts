/** Which of two cursors comes first; neither, when they are not of one life of a store. */
export function earlier(one: string | undefined, other: string | undefined): string | undefined {
  if (one === other) return one;
  const [a, b] = [one, other].map((cursor) => /^(.+)-(\d+)(?:\.(\d+))?$/.exec(cursor ?? ""));
  if (!a || !b || a[1] !== b[1]) return undefined;
  // Of the frames of one position the last has no part.
  return (Number(a[2]) - Number(b[2]) || Number(a[3] ?? 1e9) - Number(b[3] ?? 1e9)) < 0 ? one : other;
}
