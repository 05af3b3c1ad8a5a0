import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";

/** A page of the dashboard in a real browser. */
export interface OpenedDashboard extends AsyncDisposable {
  readonly page: Page;
  /**
   * What went wrong in it: errors on the console (violations of the Content-Security-Policy among them), exceptions,
   * requests that were refused or failed. A test that breaks something on purpose empties it.
   */
  readonly faults: string[];
}

/** How the page is opened. */
export interface DashboardOptions {
  /** Pixels; 1280 × 800 when absent. */
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  /** A token that is left to the browser before the page is opened, as the sign-in form does. */
  readonly token?: string;
  /** Called before the page is opened, for what has to be there from its beginning. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** Pages that tests are done with, by what they cannot change any more; a page costs much more than to go somewhere in one. */
const idle = new WeakMap<Browser, Page[]>();

/** Opens the dashboard of a gateway at a place such as `#/fleet`, in a browser context that nobody else has. */
export async function openDashboard(
  { browser, url }: { readonly browser: Browser; readonly url: string },
  place: string,
  { viewport = { width: 1280, height: 800 }, colorScheme = "light", token, prepare }: DashboardOptions = {},
): Promise<OpenedDashboard> {
  const page = (!prepare && idle.get(browser)?.pop()) || (await newPage(browser));
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
  const faults = faultsOf(page);
  if (token !== undefined) await signIn(page, url, token);
  await prepare?.(page);
  await page.goto(`${url}/${place}`);
  // What was prepared stays in a page for good.
  return { page, faults, [Symbol.asyncDispose]: () => (prepare ? page.context().close() : recycle(browser, page)) };
}

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ acceptDownloads: true, reducedMotion: "reduce" });
  return context.newPage();
}

/** Makes a page as good as new for the next test. */
async function recycle(browser: Browser, page: Page): Promise<void> {
  const context = page.context();
  if (page.isClosed() || context.pages().length > 1) return context.close();
  for (const event of ["console", "pageerror", "response", "request"] as const) page.removeAllListeners(event);
  try {
    await page.evaluate("localStorage.clear(); sessionStorage.clear()");
  } catch {
    // What the browser shows when there is no gateway has no storage.
    return context.close();
  }
  await page.goto("about:blank");
  await page.mouse.move(0, 0);
  await Promise.all([page.unrouteAll(), context.unrouteAll(), context.setOffline(false)]);
  await Promise.all([context.clearCookies(), context.clearPermissions()]);
  idle.set(browser, [...(idle.get(browser) ?? []), page]);
}

function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
  return faults;
}

async function signIn(page: Page, url: string, token: string): Promise<void> {
  const answer = await page.request.post(`${url}/api/session`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok()) throw new Error(`The gateway did not take the token: ${await answer.text()}`);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The serious and critical faults that axe finds in the page, as sentences: rule, impact and where. */
export async function axe(page: Page): Promise<string[]> {
  // A script element is forbidden by the Content-Security-Policy; what the debugger evaluates is not.
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(`${axeSource}; undefined`);
  return page.evaluate<
    string[]
  >(`axe.run(document, { resultTypes: ["violations"], preload: false }).then(({ violations }) =>
    violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, impact, help, nodes }) =>
        nodes.map(({ target, failureSummary }) => [id, impact, help, target.join(" "), failureSummary].join(" | "))))`);
}

const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));

/** Writes a picture of the page to `docs/images/<name>.png`, only when SKEIN_IMAGES is set (`npm run images`). */
export async function takePicture(page: Page, name: string): Promise<void> {
  if (!process.env.SKEIN_IMAGES) return;
  await page.screenshot({ path: `${images}${name}.png`, animations: "disabled", caret: "hide" });
}
