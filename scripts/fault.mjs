// What stops a script: something the person at the keyboard can put right, said without a stack trace.

/** A reason to stop that names its own remedy. */
export class Fault extends Error {}

/**
 * Runs a script's work and turns a fault into one message and exit code 1.
 *
 * @param {() => Promise<void>} work
 */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Fault ? `skein: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/**
 * Says what is being done, on stderr: stdout belongs to the program that is run.
 *
 * @param {string} message
 */
export function say(message) {
  console.error(`skein: ${message}`);
}
