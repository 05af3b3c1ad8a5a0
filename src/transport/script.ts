import type { Sink } from "../hub/sink.ts";
import type { Batch } from "../protocol/batch.ts";
import type { ClientMessage } from "../protocol/message.ts";

/** What drives a connection: the session of its one stream, or the rooms or streams that a client chooses. */
export interface Script {
  /** Frames that are to be sent and have not been handed to the socket, at most. */
  readonly behind: number;
  /** What the client says. Throws the Failure that ends the connection. */
  receive(message: ClientMessage): void;
  /** The socket has taken everything. */
  drained(): void;
  /** The client is gone. */
  gone(): void;
}

/** The way out of a script to its client. */
export interface Outlet extends Sink {
  /** Whether more would only wait. */
  readonly isFull: boolean;
  /** Answers what the client has said; a client that reads none of its answers is ended. */
  answer(batch: Batch): void;
  /** Keeps what is written together until `uncork`. */
  cork(): void;
  uncork(): void;
}

/** A stream, or several, that was granted and found, and is about to be told. */
export interface Opened {
  /** Whether the client knows all of it, and nothing will ever follow. */
  readonly isOver: boolean;
  begin(outlet: Outlet): Script;
}
