/** What a number, a separator or a brace counts. */
const small = 8;

/** About how much memory a JSON value takes, in UTF-16 code units of its text; nothing is encoded for it. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length + small;
  if (typeof value !== "object" || value === null) return small;
  let size = small;
  for (const [key, inner] of Object.entries(value)) size += key.length + small + sizeOf(inner);
  return size;
}
