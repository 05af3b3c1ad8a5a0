import { type Browser, chromium } from "playwright-core";
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

/** Starts a real Chromium. Throws an Error that says how to install it when there is none. */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: installed(program), args });
}
