import type { Message } from "./link.ts";

interface Letter {
  readonly name: string;
  readonly message: Message;
  settle(fault?: Error): void;
}

const most = 64;

/** Messages that wait for a connection that can carry them. */
export class Mailbox {
  #letters: Letter[] = [];

  /** Keeps a message until it is taken. Rejects when it never will be, and when there are too many. */
  keep(name: string, message: Message): Promise<void> {
    if (this.#letters.length >= most) return Promise.reject(new Error(`${most} messages wait already`));
    return new Promise((resolve, reject) => {
      this.#letters.push({ name, message, settle: (fault) => (fault ? reject(fault) : resolve()) });
    });
  }

  /** Hands over what can be taken; the others wait on. */
  deliver(take: (name: string, message: Message) => boolean): void {
    this.#letters = this.#letters.filter(({ name, message, settle }) => !take(name, message) || settle());
  }

  /** Gives up what waits for a stream. */
  drop(stream: string, why: string): void {
    this.#letters = this.#letters.filter(({ name, settle }) => stream !== name || settle(new Error(why)));
  }
}
