/** A way to a gateway. */
export interface Outlet {
  /** Publishes an instance. Throws `Refused` when it will never be taken, anything else when it may be later. */
  publish(message: Message): Promise<void>;

  /** Lets go of the connection, once what was published has left. */
  close(): Promise<void>;
}

/** One instance on its way. */
export interface Message {
  readonly name: string;
  /** The record as JSON; empty deletes the instance. */
  readonly body: string;
  /** The same for every attempt at the same message. */
  readonly id: string;
}

/** The gateway has understood a message and does not want it. */
export class Refused extends Error {}
