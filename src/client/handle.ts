import type { Feed, Listener } from "./feed.ts";
import type { AnyFrame } from "./frame.ts";
import type { Message } from "./link.ts";
import { type Pipe, pipe } from "./pipe.ts";
import type { Stop, Stream } from "./skein.ts";

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
export function handle({ name, feed, listen, send }: HandleParts): Stream<unknown, AnyFrame> {
  const read = <Value>(listenerOf: (values: Pipe<Value>) => Listener): Pipe<Value> => {
    let stop: Stop | undefined;
    let isOver = false;
    const values = pipe<Value>(() => {
      isOver = true;
      stop?.();
    });
    stop = listen({ ...listenerOf(values), end: values.end });
    if (isOver) stop();
    return values;
  };
  return {
    name,
    get status() {
      return feed()?.status ?? { phase: "loading" };
    },
    onStatus: (status) => listen({ status }),
    getSnapshot: () => feed()?.state,
    subscribe: (state) => listen({ state }),
    onFrame: (frame) => listen({ frame }),
    frames: () => read<AnyFrame>(({ push: frame }) => ({ frame })),
    send,
    [Symbol.asyncIterator]: () => read(({ replace }) => ({ state: (state) => state === undefined || replace(state) })),
  };
}
