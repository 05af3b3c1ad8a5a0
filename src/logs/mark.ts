import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** How many bytes before a place its mark is made of, at most. */
export const markBytes = 64;

/** Fewer bytes than these are found in too many files to name one. */
export const leastBytes = 16;

const fileLetters = 11;
const lifeLetters = 4;
const markLetters = 7;

/** The mark of the start of a file. */
export const startMark = "0".repeat(markLetters);

/** The mark of a place: seven characters for the bytes before it, of which the last 64 count. */
export function markOf(bytes: Buffer): string {
  return crc32(bytes.subarray(-markBytes)).toString(36).padStart(markLetters, "0");
}

/** The part of a generation that names the file. */
export function fileOf(generation: string): string {
  return generation.slice(0, fileLetters);
}

/** The eleven characters that name a file in its generations. */
export function fileName(id: string): string {
  return letters(createHash("sha256").update(id).digest(), fileLetters);
}

/** A life of a file that no other life is called like. */
export function newLife(): string {
  return letters(randomBytes(8), lifeLetters);
}

function letters(bytes: Buffer, count: number): string {
  return bytes.readBigUInt64BE().toString(36).padStart(fileLetters, "0").slice(-count);
}
