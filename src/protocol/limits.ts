/** Limits of the wire contract. They are the same on HTTP and on the bus; none of them is a setting. */

/** The largest body of a publish, in bytes. */
export const bodyBytesMax = 256 * 1024;

/** How many levels of arrays and objects a body may have. */
export const bodyDepthMax = 64;

/** The longest identifier, in UTF-16 code units. */
export const identifierLengthMax = 256;

/** The longest free text, such as a `detail` or a `message`, in bytes of UTF-8. */
export const textBytesMax = 4096;

/** The largest step or answer of a logs agent, in bytes; what a NATS server takes when it is not told otherwise. */
export const logMessageBytesMax = 1024 * 1024;

/** The longest `Idempotency-Key`, in UTF-16 code units. */
export const idempotencyKeyLengthMax = 256;

/** The largest snapshot, in bytes; what is more is cut and counted by `truncated`. */
export const snapshotBytesMax = 16 * 1024 * 1024;

/** How large an answer to a poll grows before the rest is left to the next one, in bytes. */
export const pollBytesMax = 4 * 1024 * 1024;

/** The longest name that an error echoes, in UTF-16 code units. */
const echoLengthMax = 128;

/** A name as an error echoes it: cut when it is long. */
export function echoed(name: string): string {
  if (name.length <= echoLengthMax) return name;
  const cut = name.slice(0, echoLengthMax);
  // Half of a surrogate pair is no text.
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}
