import { accessSync, constants } from "node:fs";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";

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
  return chromium.launch({ executablePath: findChromium(), args });
}

function findChromium(): string {
  const named = process.env.CHROMIUM_BIN;
  const candidates = named ? [named] : ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw new Error("These tests need Chromium: `apt-get install chromium`, or set CHROMIUM_BIN to its path");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
