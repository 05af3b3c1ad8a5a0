/**
 * Lines that can be told apart: a number, the time of writing and a padding, and at the end characters of two, three and four
 * bytes, so that one that was cut or glued shows.
 */
const suffix = "é☃𝄞";
const numberDigits = 10;
const stampDigits = 16;
const headBytes = numberDigits + 1 + stampDigits + 1;
const pattern = /^(\d{10}) (\d{16}) x*é☃𝄞$/u;

/** The shortest line there is, in bytes without its line feed. */
export const shortestLine = headBytes + Buffer.byteLength(suffix);

/** The line of a number, `bytes` long with its line feed. */
export function numberedLine(number: number, bytes: number, stampUs = monotonicUs()): string {
  const padding = "x".repeat(Math.max(0, bytes - 1 - shortestLine));
  const head = `${String(number).padStart(numberDigits, "0")} ${String(stampUs).padStart(stampDigits, "0")}`;
  return `${head} ${padding}${suffix}\n`;
}

/** What a line says, or undefined when it is not one that was written. */
export function readNumbered(line: string): { readonly number: number; readonly stampUs: number } | undefined {
  const match = pattern.exec(line);
  return match ? { number: Number(match[1]), stampUs: Number(match[2]) } : undefined;
}

/** Microseconds of a clock that is the same in every process of this machine. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
