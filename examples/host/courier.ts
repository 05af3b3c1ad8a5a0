import { randomUUID } from "node:crypto";
import type { Change } from "./fleet.ts";
import { type Message, type Outlet, Refused } from "./outlet.ts";

/** Brings changes to a gateway that may be away for a while. */
export class Courier {
  readonly #open: () => Promise<Outlet>;
  readonly #say: (message: string) => void;
  /** The newest of each instance; what is older has become untrue. */
  readonly #waiting = new Map<string, Message>();
  #outlet: Outlet | undefined;
  #isAway = false;

  constructor(open: () => Promise<Outlet>, say: (message: string) => void) {
    this.#open = open;
    this.#say = say;
  }

  /** Takes changes along on the next delivery. */
  take(changes: readonly Change[]): void {
    for (const { name, record } of changes) {
      this.#waiting.set(name, { name, body: record === null ? "" : JSON.stringify(record), id: randomUUID() });
    }
  }

  /** Delivers what it has, and says whether the gateway is there and was away before: then it may have missed more. */
  async deliver(): Promise<"delivered" | "away" | "back"> {
    try {
      this.#outlet ??= await this.#open();
      for (const message of [...this.#waiting.values()]) await this.#publish(this.#outlet, message);
    } catch (error) {
      if (!this.#isAway) this.#say(`the gateway is away (${reasonOf(error)}); trying until it is back`);
      this.#isAway = true;
      await this.close();
      return "away";
    }
    if (!this.#isAway) return "delivered";
    this.#isAway = false;
    this.#say("the gateway is back");
    return "back";
  }

  async #publish(outlet: Outlet, message: Message): Promise<void> {
    try {
      await outlet.publish(message);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#say(`${message.name} was refused: ${error.message}`);
    }
    if (this.#waiting.get(message.name) === message) this.#waiting.delete(message.name);
  }

  /** Lets go of the connection; the next delivery opens another. */
  async close(): Promise<void> {
    const outlet = this.#outlet;
    this.#outlet = undefined;
    await outlet?.close().catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}
