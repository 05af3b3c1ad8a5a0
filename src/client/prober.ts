import type { Stop } from "./skein.ts";
import type { Hear, Wire } from "./wire.ts";

const firstMs = 30_000;
const lastMs = 300_000;
const patienceMs = 4000;

interface ProberParts {
  readonly after: (ms: number, task: () => void) => Stop;
  /** Opens a wire over one of the transports, to see whether there is life. May throw. */
  readonly open: (at: number, hear: Hear) => Wire;
  /** That one works. */
  readonly found: (at: number) => void;
}

/** Tries from time to time whether a better transport works again, while a worse one goes on. */
export class Prober {
  readonly #parts: ProberParts;
  #delayMs = firstMs;
  #stop: Stop = () => {};

  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stop();
  }

  /** Everything better than `at` is tried, soon or when it is time again; of the best there is none. */
  watch(at: number, isSoon: unknown): void {
    this.#stop();
    if (at === 0) this.#delayMs = firstMs;
    if (at > 0) this.#stop = this.#parts.after(isSoon ? 0 : this.#delay(), () => this.#try(0, at));
  }

  #delay(): number {
    const ms = this.#delayMs;
    this.#delayMs = Math.min(2 * ms, lastMs);
    return ms;
  }

  #try(candidate: number, at: number): void {
    const { after, open, found } = this.#parts;
    if (candidate >= at) return this.watch(at, false);
    let wire: Wire | undefined;
    const stop = () => {
      stopTimer();
      wire?.close();
    };
    const end = (isAlive: boolean) => {
      stop();
      if (isAlive) found(candidate);
      else this.#try(candidate + 1, at);
    };
    const stopTimer = after(patienceMs, () => end(false));
    this.#stop = stop;
    try {
      wire = open(candidate, (kind, ..._said) => {
        if (kind === "heard" || kind === "ended") end(kind === "heard");
      });
    } catch {
      end(false);
    }
  }
}
