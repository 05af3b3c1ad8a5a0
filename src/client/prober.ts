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
export interface Prober {
  /** Everything better than `at` is tried, soon or when it is time again; of the best there is none. */
  watch(at: number, isSoon: unknown): void;
  stop(): void;
}

export function prober({ after, open, found }: ProberParts): Prober {
  let delayMs = firstMs;
  let stop: Stop = () => {};
  const attempt = (candidate: number, at: number): void => {
    if (candidate >= at) return watch(at, false);
    let wire: Wire | undefined;
    stop = () => {
      stopTimer();
      wire?.close();
    };
    const end = (isAlive: boolean) => {
      stop();
      if (isAlive) found(candidate);
      else attempt(candidate + 1, at);
    };
    const stopTimer = after(patienceMs, () => end(false));
    try {
      wire = open(candidate, (kind, ..._said) => {
        if (kind === "heard" || kind === "ended") end(kind === "heard");
      });
    } catch {
      end(false);
    }
  };
  const watch = (at: number, isSoon: unknown): void => {
    stop();
    if (at === 0) {
      delayMs = firstMs;
      return;
    }
    stop = after(isSoon ? 0 : delayMs, () => attempt(0, at));
    if (!isSoon) delayMs = Math.min(2 * delayMs, lastMs);
  };
  return { watch, stop: () => stop() };
}
