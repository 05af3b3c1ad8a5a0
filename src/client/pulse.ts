/** How often it is looked at. */
export const tickMs = 10_000;
const pingMs = 29_000;
const silentMs = 90_000;
/** A look that comes later than the timers of a hidden page do: the machine slept. */
const asleepMs = 85_000;

/** When a connection was heard, and what follows from that. */
export interface Pulse {
  heard(): void;
  /** From now on it is looked at every `tickMs`. */
  begin(): void;
  tick(): "asleep" | "silent" | "ping" | undefined;
}

/** Nothing was heard so far. */
export function pulse(clock: () => number): Pulse {
  let heardMs = 0;
  let tickedMs = 0;
  let pingedMs = 0;
  return {
    heard() {
      heardMs = clock();
    },
    begin() {
      tickedMs = clock();
    },
    tick() {
      const now = clock();
      const lateMs = now - tickedMs;
      tickedMs = now;
      if (lateMs > asleepMs) return "asleep";
      if (now - heardMs >= silentMs) return "silent";
      if (now - pingedMs < pingMs) return undefined;
      pingedMs = now;
      return "ping";
    },
  };
}
