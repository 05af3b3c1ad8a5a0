import { createSubscriber } from "svelte/reactivity";

const everyMs = 1000;

const ticking = createSubscriber((update) => {
  const timer = setInterval(update, everyMs);
  return () => clearInterval(timer);
});

/** The time in milliseconds since 1970; whatever shows it is drawn anew every second, by one timer for the whole page. */
export function tickingNow(): number {
  ticking();
  return Date.now();
}
