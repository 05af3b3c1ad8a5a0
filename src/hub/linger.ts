import type { Clock } from "../protocol/clock.ts";
import type { Channel } from "./channel.ts";

/** Calls `drop` once nobody has used a channel for `lingerMs`. */
export function linger(
  channel: Channel,
  { clock, lingerMs }: { clock: Clock; lingerMs: number },
  drop: () => void,
): void {
  let idleSinceMs = clock.now();
  let isArmed = false;
  const arm = (ms: number) => {
    isArmed = true;
    clock.after(ms, check);
  };
  const check = () => {
    isArmed = false;
    if (!channel.isIdle) return;
    const restMs = idleSinceMs + lingerMs - clock.now();
    if (restMs > 0) arm(restMs);
    else drop();
  };
  channel.onIdle = () => {
    idleSinceMs = clock.now();
    if (!isArmed) arm(lingerMs);
  };
  arm(lingerMs);
}
