import { inBackground } from "../protocol/background.ts";
import { log, messageOf } from "./explained.ts";

/** Leaves at the first signal, saying `farewell`; the second one leaves at once. */
export function endOnSignal(leave: () => Promise<void>, farewell: string): void {
  let isEnding = false;
  const end = async () => {
    if (isEnding) process.exit(130);
    isEnding = true;
    const left = leave();
    log(farewell);
    await left;
    process.exit(0);
  };
  const fail = (fault: unknown) => {
    log(messageOf(fault));
    process.exit(1);
  };
  process.on("SIGTERM", () => inBackground("leaving", end(), fail));
  process.on("SIGINT", () => inBackground("leaving", end(), fail));
}
