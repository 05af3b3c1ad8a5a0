import type { Principal } from "../auth/principal.ts";
import type { Channel } from "../hub/channel.ts";
import { type Opening, openingSize } from "../hub/past.ts";
import type { View } from "../hub/view.ts";
import type { RateName } from "../limits/quotas.ts";
import type { Visitor } from "../limits/visitor.ts";
import type { Stop } from "../protocol/clock.ts";
import { echoed } from "../protocol/limits.ts";
import type { FeedDefinition, RoomsDefinition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";

/** What a client asks for, whatever the transport. */
export interface Request {
  /** Below the transport's prefix: `runs/r1`; empty for many streams on one connection. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: Headers;
  /** Where it comes from, as limits count it. */
  readonly address: string;
  /** Headers that every answer to it has, whatever else it says. */
  readonly shared: Readonly<Record<string, string>>;
}

/** A stream as somebody asks for it. */
export interface AskedStream {
  readonly path: string;
  readonly search: URLSearchParams;
  /** The cursor to go on from. */
  readonly since: string | undefined;
}

/** A room as somebody on a connection with rooms asks for it. */
export interface AskedRoom extends Omit<AskedStream, "path"> {
  readonly room: FeedDefinition;
  readonly params: Params;
}

/** What a client was granted. */
export type Admission = StreamAdmission | RoomsAdmission | ManyAdmission;

/** One stream. */
export interface StreamAdmission {
  readonly kind: "stream";
  /** Its path and query, as one text. */
  readonly name: string;
  readonly channel: Channel;
  readonly view: View;
  /** The cursor to go on from, as the client gave it. */
  readonly since: string | undefined;
}

/** Rooms, of which the address may name some; each is asked for by itself. */
export interface RoomsAdmission {
  readonly kind: "rooms";
  /** The path that the rooms are below. */
  readonly name: string;
  readonly definition: RoomsDefinition;
  readonly names: readonly string[];
  /** The query that all rooms have. */
  readonly search: URLSearchParams;
  /** The vector of cursors to go on from. */
  readonly since: string | undefined;
}

/** Many streams, of which the address may name some; each is asked for by itself. */
export interface ManyAdmission {
  readonly kind: "many";
  readonly streams: readonly string[];
  /** The vector of cursors to go on from. */
  readonly since: string | undefined;
}

/** What was granted, and how it is given back. */
export interface Granted {
  readonly admission: Admission;
  readonly release: Stop;
}

/** One whom the gate knows: who it is, and what it uses until it leaves. */
export class Guest {
  readonly principal: Principal;
  /** What it follows, each stream as its path and query, cut when that is long. */
  readonly streams: string[] = [];
  readonly #visitor: Visitor;
  readonly #admit: (asked?: AskedStream | AskedRoom) => Admission;

  constructor(principal: Principal, visitor: Visitor, admit: (asked?: AskedStream | AskedRoom) => Admission) {
    this.principal = principal;
    this.#visitor = visitor;
    this.#admit = admit;
  }

  /** Counts it as a connection until it leaves. Throws `too_many_connections`. */
  stay(): void {
    this.#visitor.hold("connections");
  }

  /** Lets it look at what its request asks for, once. Throws the Failure that says why it may not. */
  look(): Admission {
    return this.#admit();
  }

  /**
   * Lets it follow what its request asks for, or something else; a stream counts until it is released, or the guest
   * leaves. Throws the Failure that says why it may not.
   */
  subscribe(asked?: AskedStream | AskedRoom): Granted {
    this.spend("subscribes");
    const admission = this.#admit(asked);
    if (admission.kind === "many") return { admission, release: () => {} };
    const release = admission.kind === "stream" ? this.#visitor.hold("subscriptions") : () => {};
    const name = echoed(admission.name);
    this.streams.push(name);
    let isReleased = false;
    return {
      admission,
      release: () => {
        release();
        if (!isReleased) this.streams.splice(this.streams.indexOf(name), 1);
        isReleased = true;
      },
    };
  }

  /**
   * Counts an answer before it is made, and gives what corrects the count once its size is known.
   *
   * Throws `too_many_reads` while it has read more than it may.
   */
  read(expectedBytes: number): (bytes: number) => void {
    return this.#visitor.read(expectedBytes);
  }

  /** Opens a stream; what that tells counts as read. Throws the Failure that says why it cannot be told. */
  async open({ channel, view, since }: StreamAdmission): Promise<Opening> {
    const settle = this.read(since === undefined ? channel.greetings.lastSize : 0);
    let size = 0;
    try {
      const opening = await channel.open(view, since);
      size = openingSize(opening);
      return opening;
    } finally {
      settle(size);
    }
  }

  /** Counts what it does. Throws the Failure that says it is too much. */
  spend(rate: RateName): void {
    this.#visitor.spend(rate);
  }

  /** Gives back what it had; a second time is harmless. */
  leave(): void {
    this.#visitor.leave();
  }
}
