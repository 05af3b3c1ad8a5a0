import type { Duplex } from "node:stream";

/** The parts of `ws` that lead past its sender; private, so read in this file only. */
interface Inside {
  readonly _socket?: Duplex | null;
  readonly _sender?: { _state?: unknown; _firstFragment?: unknown; _queue?: { length: number } } | null;
}

/** The socket below a WebSocket, while it has one. */
export function streamOf(ws: object): Duplex | undefined {
  return (ws as Inside)._socket ?? undefined;
}

/**
 * The socket below a WebSocket, when prepared bytes may be written to it past `ws` for as long as the WebSocket is open.
 *
 * That is safe while no fragmented message is under way, nothing is being compressed and nothing is queued. Here none of
 * it can begin: no compression is negotiated, and only `Connection` sends, whole text messages. So it is
 * looked at once and not for every frame, which would touch three more objects of every client. Undefined on a runtime
 * whose `ws` is built otherwise; then `ws.send` is the way.
 */
export function rawStreamOf(ws: object): Duplex | undefined {
  const { _sender: sender } = ws as Inside;
  const isQuiet = sender && sender._state === 0 && sender._firstFragment === true && sender._queue?.length === 0;
  return isQuiet ? streamOf(ws) : undefined;
}
