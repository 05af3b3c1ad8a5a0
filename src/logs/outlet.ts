import type { Bus } from "../bus/bus.ts";

const pauseAfterBytes = 2 ** 20;

/** What goes out on a bus: nobody who publishes much keeps the bus from sending it, or others from their turn. */
export class Outlet {
  readonly #bus: Bus;
  readonly #report: (trouble: string) => void;
  #bytes = 0;

  constructor(bus: Bus, report: (trouble: string) => void) {
    this.#bus = bus;
    this.#report = report;
  }

  /** Publishes; what it returns now and then, after each MiB, settles when the bus has passed that on. Never throws. */
  publish(subject: string, data: Uint8Array): void | Promise<void> {
    try {
      this.#bus.publish(subject, data);
    } catch (thrown) {
      this.#report(`A message could not be published: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    this.#bytes += data.length;
    if (this.#bytes < pauseAfterBytes) return;
    this.#bytes = 0;
    return this.#bus.flush();
  }
}
