import { type Browser, type BrowserServer, chromium } from "playwright-core";
import { installed } from "./installed.ts";

const program = { variable: "CHROMIUM_BIN", names: ["chromium", "chromium-browser"], debian: "chromium" };

const args = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the one Chromium of a run of tests listens, for all of its processes. */
const place = "SKEIN_CHROMIUM_PLACE";

/**
 * A real Chromium: that of the run when there is one, and otherwise a new one. Each file of tests closes what it got.
 *
 * Throws an Error that says how to install it when there is none.
 */
export async function startChromium(): Promise<Browser> {
  const { [place]: shared } = process.env;
  return shared ? chromium.connect(shared) : launchChromium();
}

/** A Chromium of one's own: where pages are stopped or crash, those that share a process with them would, too. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: installed(program), args });
}

/** Starts one Chromium for a whole run, because to start one for each file takes seconds of it; where there is none, nothing. */
export default async function shareChromium(): Promise<() => Promise<void>> {
  const server = await serve();
  if (server) process.env[place] = server.wsEndpoint();
  return async () => server?.close();
}

async function serve(): Promise<BrowserServer | undefined> {
  try {
    return await chromium.launchServer({ executablePath: installed(program), args });
  } catch {
    // Tests that need it say so themselves.
    return undefined;
  }
}
