import type { AnyFrame } from "./frame.ts";
import type { Message } from "./link.ts";
import { sorting } from "./sorting.ts";
import type { Socket } from "./surroundings.ts";
import { type ErrorFrame, endingOf, type Hear, isFarewell, type Place, type Wire } from "./wire.ts";

/** Many streams on one WebSocket (RFC 6455). */
export class SocketWire implements Wire {
  readonly #place: Place;
  readonly #hear: Hear;
  readonly #socket: Socket;
  /** What each stream is called on this socket. */
  readonly #tags = new Map<string, string>();
  /** The streams by what they are called, also those that were left and have not said good-bye. */
  readonly #names = new Map<string, string>();
  #isOpen = false;

  constructor(place: Place, hear: Hear) {
    const { surroundings, base, token } = place;
    const url = `${base.replace(/^http/, "ws")}ws`;
    const socket = surroundings.socket(url, token ? ["token", token] : []);
    const sort = sorting(hear, (tag, frame) => this.#take(tag, frame));
    let error: ErrorFrame | undefined;
    this.#place = place;
    this.#hear = hear;
    this.#socket = socket;
    socket.onopen = () => {
      this.#isOpen = true;
      this.ping();
      for (const [tag, name] of this.#names) this.#subscribe(tag, name);
    };
    socket.onmessage = ({ data }) => {
      error = sort(String(data));
    };
    socket.onclose = ({ code }) => hear("ended", endingOf(code, error));
  }

  follow(name: string): void {
    let tag = name;
    // What was left under this name may still speak; another spelling of the same query tells them apart.
    while (this.#names.has(tag)) tag += tag.includes("?") ? "&" : "?";
    this.#names.set(tag, name);
    this.#tags.set(name, tag);
    if (this.#isOpen) this.#subscribe(tag, name);
  }

  leave(name: string): void {
    const stream = this.#tags.get(name);
    if (stream === undefined) return;
    this.#tags.delete(name);
    if (this.#isOpen) this.#send({ type: "unsubscribe", stream });
    else this.#names.delete(stream);
  }

  ping(): void {
    if (this.#isOpen) this.#send({ type: "ping" });
  }

  check(): void {
    this.ping();
  }

  say(name: string, message: Message): boolean {
    const stream = this.#tags.get(name);
    if (!this.#isOpen || stream === undefined) return false;
    this.#send({ ...message, stream });
    return true;
  }

  renew(token: string): void {
    this.#send({ type: "auth", token });
  }

  close(): void {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#isOpen = false;
    socket.close();
  }

  #subscribe(stream: string, name: string): void {
    const { since, said } = this.#place.start(name);
    this.#send({ type: "subscribe", stream, since });
    for (const message of said) this.say(name, message);
  }

  #send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  #take(tag: string, frame: AnyFrame): void {
    const name = this.#names.get(tag) ?? "";
    const isFollowed = this.#tags.get(name) === tag;
    const isConflict = !isFollowed && frame.code === "conflict";
    if (isConflict || isFarewell(frame)) {
      this.#names.delete(tag);
      if (isFollowed) this.#tags.delete(name);
    }
    if (isFollowed) this.#hear("frame", name, frame);
  }
}
