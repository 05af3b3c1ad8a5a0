import { Feed, type FeedOptions, guarded, type Listener } from "./feed.ts";
import type { FrameOf, StateOf } from "./frames.ts";
import { handle } from "./handle.ts";
import type { Link, OpenLink } from "./link.ts";
import type { Skein, Status, Stop, Stream, StreamOptions, Transport } from "./skein.ts";

/** How long a stream is followed after its last listener: a view that comes right back has lost nothing. */
const lingerMs = 1000;

interface ClientParts {
  readonly open: OpenLink;
  /** What is said to be in use before anything is. */
  readonly transport: Transport;
  readonly after: (ms: number, task: () => void) => Stop;
}

/** The streams that a program follows, over one link. */
export class Client implements Skein {
  readonly #link: Link;
  readonly #after: ClientParts["after"];
  readonly #feeds = new Map<string, Feed>();
  readonly #listeners = new Set<(status: Status) => void>();
  readonly #soon = (task: () => void) => void this.#after(0, task);
  #status: Status;
  #isClosed = false;

  constructor({ open, transport, after }: ClientParts) {
    this.#status = { state: "idle", transport };
    this.#after = after;
    this.#link = open({
      frame: (name, frame) => this.#feeds.get(name)?.take(frame),
      phase: (name, status) => this.#feeds.get(name)?.tell(status),
      stateOf: (name) => this.#feeds.get(name)?.state,
      adopt: (name, state) => this.#feeds.get(name)?.adopt(state),
      status: (status) => {
        this.#status = status;
        for (const listener of [...this.#listeners]) guarded(() => listener(status), this.#soon);
      },
    });
  }

  get status(): Status {
    return this.#status;
  }

  onStatus(listener: (status: Status) => void): Stop {
    const own = (status: Status) => listener(status);
    this.#listeners.add(own);
    own(this.#status);
    return () => this.#listeners.delete(own);
  }

  stream<Name extends string, State = StateOf<Name>, Frame = FrameOf<Name>>(
    name: Name,
    options?: StreamOptions<State, Frame>,
  ): Stream<State, Frame> {
    if (name === "") throw new TypeError('A stream needs a name, such as "instances"');
    // What its frames and its state are is what its name says, or the options.
    const known = (options ?? {}) as unknown as FeedOptions;
    return handle({
      name,
      feed: () => this.#feeds.get(name),
      listen: (listener) => this.#listen(name, known, listener),
      send: (message) => this.#link.send(name, message),
    }) as unknown as Stream<State, Frame>;
  }

  close(): void {
    this.#isClosed = true;
    this.#link.close();
    for (const feed of this.#feeds.values()) feed.end();
  }

  #listen(name: string, options: FeedOptions, listener: Listener): Stop {
    const feed = this.#feeds.get(name) ?? this.#follow(name, options);
    const stop = feed.listen(listener);
    if (this.#isClosed) feed.end();
    return () => {
      stop();
      if (!feed.isWatched) this.#after(lingerMs, () => this.#leave(name, feed));
    };
  }

  #follow(name: string, options: FeedOptions): Feed {
    const feed = new Feed(name, options, this.#soon);
    this.#feeds.set(name, feed);
    this.#link.follow(name, undefined);
    return feed;
  }

  #leave(name: string, feed: Feed): void {
    if (feed.isWatched || this.#feeds.get(name) !== feed) return;
    this.#feeds.delete(name);
    this.#link.leave(name);
  }
}
