import type { Feed, Listener } from "./feed.ts";
import type { AnyFrame } from "./frame.ts";
import type { Message } from "./link.ts";
import { type Pipe, pipe } from "./pipe.ts";
import type { Stop, Stream, StreamStatus } from "./skein.ts";

/** How a handle gets at its stream. */
interface HandleParts {
  readonly name: string;
  /** The stream while it is followed. */
  readonly feed: () => Feed | undefined;
  /** Follows the stream, at the latest from now on, for a listener. */
  readonly listen: (listener: Listener) => Stop;
  readonly send: (message: Message) => Promise<void>;
}

/** What a program has of a stream. */
export class Handle implements Stream<unknown, AnyFrame> {
  readonly name: string;
  readonly #parts: HandleParts;

  constructor(parts: HandleParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  get status(): StreamStatus {
    return this.#parts.feed()?.status ?? { phase: "loading" };
  }

  readonly onStatus = (status: (status: StreamStatus) => void): Stop => this.#parts.listen({ status });

  readonly getSnapshot = (): unknown => this.#parts.feed()?.state;

  readonly subscribe = (state: (state: unknown) => void): Stop => this.#parts.listen({ state });

  readonly onFrame = (frame: (frame: AnyFrame) => void): Stop => this.#parts.listen({ frame });

  frames(): AsyncIterable<AnyFrame> {
    return this.#read<AnyFrame>(({ push: frame }) => ({ frame }));
  }

  readonly send = (message: Message): Promise<void> => this.#parts.send(message);

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#read(({ replace }) => ({ state: (state) => state === undefined || replace(state) }));
  }

  #read<Value>(listenerOf: (values: Pipe<Value>) => Listener): Pipe<Value> {
    let stop: Stop | undefined;
    let isOver = false;
    const values = pipe<Value>(() => {
      isOver = true;
      stop?.();
    });
    stop = this.#parts.listen({ ...listenerOf(values), end: values.end });
    if (isOver) stop();
    return values;
  }
}
