// @ts-check

/**
 * A frame as it arrived, and what it says about itself.
 *
 * @typedef {object} Frame
 * @property {string} text the bytes, as text
 * @property {string} type
 * @property {string | undefined} cursor where to go on after it
 * @property {string | undefined} reason why it is a fresh snapshot, when it is
 * @property {string | undefined} error why the gateway refuses to go on, when it does
 */

const keepalive = new Set(["ping", "pong"]);

/**
 * Reads a frame. What is no frame of ours is shown all the same, under the type "?".
 *
 * @param {string} text
 * @returns {Frame}
 */
export function readFrame(text) {
  try {
    const { type = "?", cursor, reason, code, message } = JSON.parse(text);
    // A stream may have events called "error" as well; only those of the gateway have a code.
    const error = type === "error" && code !== undefined ? `${message} (${code})` : undefined;
    return { text, type: String(type), cursor, reason, error };
  } catch {
    return { text, type: "?", cursor: undefined, reason: undefined, error: undefined };
  }
}

/**
 * Whether a frame only says that the line is open.
 *
 * @param {Frame} frame
 */
export function isKeepalive({ type }) {
  return keepalive.has(type);
}

/**
 * Whether a frame tells how one connection is doing rather than what is going on in the stream.
 *
 * @param {Frame} frame
 */
export function isOfConnection(frame) {
  const { type, reason, error } = frame;
  const isFresh = type === "snapshot" && reason !== undefined;
  return isKeepalive(frame) || type === "resumed" || isFresh || error !== undefined;
}
