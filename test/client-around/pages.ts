import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { packed } from "./packed.ts";

/** What a page of a test is given besides the client. */
export interface PageOptions {
  /** What is in its body. */
  readonly body?: string;
  /** What is done before anything else in it. */
  readonly init?: string;
}

/**
 * A context whose pages are at the gateway's own origin, under its rules for pages, and have the built client at `/sdk/`.
 */
export async function contextFor(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const { client } = packed();
  const context = await browser.newContext(options);
  await context.route(`${url}/sdk/*`, (route) => {
    const name = new URL(route.request().url()).pathname.slice("/sdk/".length);
    return route.fulfill({ contentType: "text/javascript", body: readFileSync(join(client, name), "utf8") });
  });
  return context;
}

/** A page of the gateway itself with the client in it. What goes wrong in it is in `faultsOf`. */
export async function openPage(
  context: BrowserContext,
  url: string,
  { body = "", init }: PageOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  const faults: string[] = [];
  all.set(page, faults);
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", ({ message }) => faults.push(message));
  if (init !== undefined) await page.addInitScript(init);
  // What the test's own process answers with has no address, and may not open a WebSocket to this machine.
  await page.goto(`${url}/healthz`);
  await page.evaluate((html) => Object.assign(globalThis, { html }), body);
  await page.evaluate("document.documentElement.innerHTML = html");
  await page.evaluate("import('/sdk/index.js').then(({ connect }) => { globalThis.connect = connect; })");
  return page;
}

const all = new WeakMap<Page, string[]>();

/** What went wrong in a page: errors on its console, and exceptions. */
export function faultsOf(page: Page): readonly string[] {
  return all.get(page) ?? [];
}
