// A gateway as seen from outside: where it listens, and whether it answers.
import { stripVTControlCharacters } from "node:util";

const askEveryMs = 50;
const patienceMs = 30_000;

/**
 * The address a gateway names in its banner. Asking the banner is right for every way to set a port, port 0 too.
 *
 * @param {import("node:child_process").ChildProcess} gateway
 * @returns {Promise<string>}
 */
export function firstAddress(gateway) {
  return new Promise((resolve) => {
    let text = "";
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      text += chunk.toString("latin1");
      const address = addressIn(text);
      if (!address) return;
      gateway.stdout?.off("data", read);
      resolve(address);
    };
    gateway.stdout?.on("data", read);
  });
}

/**
 * The first complete http address in a text, as this machine reaches it.
 *
 * @param {string} text
 */
export function addressIn(text) {
  const match = /https?:\/\/(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?(?=[^\w:.-])/.exec(stripVTControlCharacters(text));
  if (!match) return undefined;
  const url = new URL(match[0]);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return url.origin;
}

/**
 * Whether a gateway is ready to take publishes, asked until it is, or has ended, or patience ends.
 *
 * @param {import("node:child_process").ChildProcess} gateway
 * @param {string} address
 */
export async function isUp(gateway, address) {
  const began = performance.now();
  while (gateway.exitCode === null && gateway.signalCode === null && performance.now() - began < patienceMs) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return true;
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
  return false;
}
