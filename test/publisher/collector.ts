import type { Bus, Stored } from "../../src/bus/bus.ts";
import type { Drop } from "../../src/publisher/index.ts";

const dayMs = 24 * 60 * 60 * 1000;
const utf8 = new TextDecoder();

/** An event as it is stored. */
export interface Event {
  readonly subject: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Everything that is in a journal of the product's, and what comes. */
export class Collector implements Disposable {
  readonly events: Event[] = [];
  readonly #stop: () => void;
  readonly #waiting = new Set<() => void>();

  private constructor(stop: (take: (stored: Stored) => void) => () => void) {
    this.#stop = stop((stored) => {
      this.events.push({ subject: stored.subject, body: bodyOf(stored) });
      for (const wake of this.#waiting) wake();
    });
  }

  /** Follows a journal from now on. */
  static async follow(bus: Bus, name: "graph" | "runs"): Promise<Collector> {
    const keepMs = name === "runs" ? 7 * dayMs : dayMs;
    const journal = await bus.journal({ name, subjects: [`skein.*.${name}.*`], keepMs });
    const level = Promise.withResolvers<void>();
    const collector = new Collector((take) =>
      journal.follow({ begin() {}, message: take, level: () => level.resolve(), gap() {} }),
    );
    await level.promise;
    return collector;
  }

  /** Settles when the events so far satisfy `isEnough`, and gives their bodies. */
  async until(isEnough: (bodies: Event["body"][]) => boolean): Promise<Event["body"][]> {
    while (!isEnough(this.bodies)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#waiting.clear();
    }
    return this.bodies;
  }

  get bodies(): Event["body"][] {
    return this.events.map(({ body }) => body);
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

/** What is stored, as far as it is JSON. */
export function bodyOf({ data }: Pick<Stored, "data">): Record<string, unknown> {
  try {
    return JSON.parse(utf8.decode(data));
  } catch {
    return {};
  }
}

/** Keeps what was dropped. */
export function dropBox(): { readonly drops: Drop[]; readonly onDrop: (drop: Drop) => void } {
  const drops: Drop[] = [];
  return { drops, onDrop: (drop) => drops.push(drop) };
}
