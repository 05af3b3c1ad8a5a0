/** A fault that a person can mend, told by its message alone. */
export class Explained extends Error {}

/** What a thrown thing says. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
