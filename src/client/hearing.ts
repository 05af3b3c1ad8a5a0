import type { AnyFrame } from "./frame.ts";
import { type ErrorFrame, isCovered, isError, lost, parse, type WireEar } from "./wire.ts";

/** What a wire that carries many streams says, sorted into that of a stream and that of its own. */
export class Hearing {
  /** The last error that was the connection's own. */
  error: ErrorFrame | undefined;
  readonly #ear: WireEar;
  readonly #take: (tag: string, frame: AnyFrame) => void;

  /** `take` gets the frames of streams, each with what its stream is called on the wire. */
  constructor(ear: WireEar, take: (tag: string, frame: AnyFrame) => void) {
    this.#ear = ear;
    this.#take = take;
  }

  hear(text: string): void {
    const said = parse(text);
    if (!said) return this.#ear.ended(lost);
    if (isError(said)) {
      this.error = said;
      return;
    }
    this.#ear.heard();
    if (isCovered(said)) this.#take(said.stream, said.frame);
    else if (said.type === "token_expiring") this.#ear.expiring(said.connection);
  }
}
