import { BackgroundError } from "../protocol/background.ts";
import { Exceptions } from "../protocol/exceptions.ts";

/** The exceptions of a process that serves: each is said on standard error. */
export function serverExceptions(): Exceptions {
  return new Exceptions((fault) => console.error(fault));
}

/**
 * From now on an exception that nothing has caught does not end this process, which serves others: it is taken like any
 * other. What goes wrong before, at the start, ends it.
 */
export function outliveExceptions({ take }: Exceptions): void {
  // What reads the output of this process may be gone; saying so there would fail again, for ever.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => {});
  process.on("uncaughtException", (thrown) => take(new BackgroundError("something that nothing has caught", thrown)));
  process.on("unhandledRejection", (thrown) => take(new BackgroundError("something that nothing waits for", thrown)));
}
