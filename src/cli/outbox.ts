import type { Publisher } from "../publisher/index.ts";
import type { Destination } from "./destination.ts";
import { messageOf } from "./explained.ts";

/** How long nobody may answer before that is said. */
const silentMs = 1000;

/** Where events go that must not keep anybody waiting: what they are to tell of is under way before anything is loaded for them. */
export class Outbox {
  readonly #destination: Destination;
  readonly #warn: (text: string) => void;
  readonly #publisher: Promise<Publisher | undefined>;
  #hasWarned = false;

  constructor(destination: Destination, warn: (text: string) => void) {
    this.#destination = destination;
    this.#warn = warn;
    this.#publisher = this.#open();
  }

  /** Sends an event as soon as that is possible, after those before it under the same names. Never throws. */
  async tell(names: readonly string[], event: Readonly<Record<string, unknown>>): Promise<void> {
    const publisher = await this.#publisher;
    // What never arrives is heard of by onDrop.
    publisher?.publish(names, event).catch(() => {});
  }

  /** Goes on sending for a while, and says it when that was not enough. */
  async settle(ms: number): Promise<void> {
    const publisher = await this.#publisher;
    if (publisher === undefined) return;
    // The timers of a publisher keep no process alive.
    const awake = setInterval(() => {}, 60_000);
    const { waiting } = await publisher.flush(ms);
    if (waiting > 0) this.#warnOnce(`${this.#destination.shown} does not answer`);
    clearInterval(awake);
  }

  async #open(): Promise<Publisher | undefined> {
    try {
      const publisher = await this.#destination.open((why) => this.#warnOnce(why));
      const isSilent = ({ stored, waiting }: Publisher["tally"]) => stored === 0 && waiting > 0;
      const look = () => isSilent(publisher.tally) && this.#warnOnce(`${this.#destination.shown} does not answer`);
      setTimeout(look, silentMs).unref();
      return publisher;
    } catch (thrown) {
      this.#warnOnce(messageOf(thrown));
      return undefined;
    }
  }

  #warnOnce(text: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn(`${text}; the command runs all the same, and may not be shown`);
  }
}
