/** A fault that a person can mend, told by its message alone. */
export class Explained extends Error {}

/** What a thrown thing says. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What an attempt gives; what it throws becomes Explained. */
export async function explained<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (thrown) {
    throw new Explained(advice(thrown));
  }
}

function advice(thrown: unknown): string {
  const { code, address, port } = thrown as { code?: string; address?: string; port?: number };
  if (code === "EADDRINUSE") return `Port ${port} is in use; choose another with --port, or 0 for any`;
  if (code === "EADDRNOTAVAIL") return `This machine has no address ${address}; choose another with --host`;
  if (code === "EACCES" && port !== undefined) {
    return `Port ${port} needs more rights; choose one above 1023 with --port`;
  }
  return messageOf(thrown);
}

/** Says something to whoever watches this process. */
export function log(text: string): void {
  process.stderr.write(`skein: ${text}\n`);
}
