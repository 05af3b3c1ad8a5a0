/** How something went. */
export type ToastTone = "good" | "bad";

/** A short word on what has just happened. */
export interface Toast {
  readonly id: number;
  readonly tone: ToastTone;
  readonly text: string;
}

const goodForMs = 5_000;
const most = 5;

let shown = $state.raw<readonly Toast[]>([]);
let lastId = 0;

/** The toasts on the page, the oldest first. */
export function toasts(): readonly Toast[] {
  return shown;
}

/**
 * Says something. What went well goes away by itself after five seconds; what did not stays until it is dismissed, unless
 * `forMs` says for how long.
 */
export function say(tone: ToastTone, text: string, forMs = tone === "good" ? goodForMs : undefined): void {
  lastId += 1;
  const toast = { id: lastId, tone, text };
  shown = [...shown, toast].slice(-most);
  if (forMs !== undefined) setTimeout(() => dismiss(toast.id), forMs);
}

/** Takes a toast away; one that is gone already is no fault. */
export function dismiss(id: number): void {
  shown = shown.filter((toast) => toast.id !== id);
}

/** Runs a command and says how it went: `done` when it went well, else the sentence of the gateway. */
export async function attempt(done: string, command: () => Promise<unknown>): Promise<boolean> {
  try {
    await command();
    say("good", done);
    return true;
  } catch (error) {
    say("bad", error instanceof Error ? error.message : String(error));
    return false;
  }
}
