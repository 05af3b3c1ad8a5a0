import type { Bus, Stored } from "../../src/bus/bus.ts";
import type { Stop } from "../../src/protocol/clock.ts";
import type { Envelope } from "../../src/protocol/letter.ts";

/** The letters on a bus, as the table has them. */
export class Mailbag implements Disposable {
  readonly #letters = new Map<string, Envelope>();
  readonly #waiting = new Set<() => void>();
  readonly #stop: Stop;

  private constructor(table: {
    follow: (follower: Parameters<Awaited<ReturnType<Bus["table"]>>["follow"]>[0]) => Stop;
  }) {
    const message = ({ subject, data }: Stored) => {
      if (data.length === 0) this.#letters.delete(subject);
      else this.#letters.set(subject, JSON.parse(new TextDecoder().decode(data)));
      for (const wake of this.#waiting) wake();
    };
    this.#stop = table.follow({ begin: () => {}, level: () => {}, gap: () => {}, message });
  }

  static async open(bus: Bus): Promise<Mailbag> {
    return new Mailbag(await bus.table({ name: "letters", subjects: ["skein.*.letters.*"] }));
  }

  get letters(): Envelope[] {
    return [...this.#letters.values()];
  }

  /** Settles when the letters are as they should be. */
  async until(isSo: (letters: Envelope[]) => boolean): Promise<void> {
    while (!isSo(this.letters)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#waiting.clear();
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
