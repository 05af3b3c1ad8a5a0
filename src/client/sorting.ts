import type { AnyFrame } from "./frame.ts";
import { type ErrorFrame, type Hear, isCovered, isError, lost, parse } from "./wire.ts";

/**
 * Sorts what a wire that carries many streams says into that of a stream and that of its own.
 *
 * `take` gets the frames of streams, each with what its stream is called on the wire. What comes back says how the
 * connection was ended, if it was.
 */
export function sorting(
  hear: Hear,
  take: (tag: string, frame: AnyFrame) => void,
): (text: string) => ErrorFrame | undefined {
  let error: ErrorFrame | undefined;
  return (text) => {
    const said = parse(text);
    if (!said) hear("ended", lost);
    else if (isError(said)) error = said;
    else {
      hear("heard");
      if (isCovered(said)) take(said.stream, said.frame);
      else if (said.type === "token_expiring") hear("expiring", said.connection);
    }
    return error;
  };
}
