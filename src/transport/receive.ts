import type { Session } from "../hub/session.ts";
import type { Frame } from "../protocol/frame.ts";
import { parseMessage, pong } from "../protocol/message.ts";

/**
 * Takes what a client said and gives the frame that answers it, when there is one.
 *
 * Throws `invalid_message` when neither the protocol nor the session's stream knows it.
 */
export function receive(text: string, session: Session): Frame | undefined {
  const message = parseMessage(text);
  if (message.type === "ping") return pong;
  session.receive(message);
  return undefined;
}
