import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { axe, openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, openWithKey, token } from "../support/tokens.ts";

let browser: Browser;
let gateway: Gateway;

beforeAll(async () => {
  [browser, gateway] = await Promise.all([startChromium(), startGateway({ auth: openWithKey })]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

const open = (place: string, options = {}) => openDashboard({ browser, url: gateway.url }, place, options);
const heading = (page: Page) => page.locator("main h1").first();
const pulse = (page: Page) => page.locator(".pulse").innerText();

describe("The files of the dashboard", () => {
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}${path}`, { headers: { "accept-encoding": "identity", ...headers } });

  test("are kept for ever when their names have a hash, and asked for again when not", async () => {
    const page = await ask("/");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const [script = ""] = /assets\/[\w-]+\.js/.exec(await page.text()) ?? [];
    const found = await ask(`/${script}`);
    expect(found.status).toBe(200);
    expect(found.headers.get("content-type")).toMatch(/^text\/javascript/);
    expect(found.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  test.each(["/", "/streams.html", "/icon.svg"])("are not sent again to whoever has %s", async (path) => {
    const first = await ask(path);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    for (const names of [etag, `"other", W/${etag}`, "*"]) {
      const again = await ask(path, { "if-none-match": names });
      expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
    }
    expect((await ask(path, { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("are sent small to whoever can unpack them, under another tag", async () => {
    const [plain, zipped, refused] = await Promise.all(
      ["identity", "br, gzip", "gzip;q=0"].map((encoding) => ask("/", { "accept-encoding": encoding })),
    );
    expect(zipped?.headers.get("content-encoding")).toBe("gzip");
    expect(zipped?.headers.get("vary")).toContain("Accept-Encoding");
    expect(zipped?.headers.get("etag")).not.toBe(plain?.headers.get("etag"));
    expect(refused?.headers.get("content-encoding")).toBeNull();
    expect(await zipped?.text()).toBe(await plain?.text());
  });

  test.each(["/../package.json", "/assets/", "/.built-from", "/%2e%2e/package.json", "/nope"])(
    "are all that is there: %s is not",
    async (path) => {
      const { status } = await fetch(new Request(`${gateway.url}${path}`));
      expect(status).toBe(404);
    },
  );
});

test("The dashboard opens at the fleet, is live over WebSocket, and leads to every view by its name", async () => {
  await using opened = await open("");
  const { page, faults } = opened;
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  await expect.poll(() => pulse(page)).toMatch(/Live\s*· WebSocket/);
  expect(await page.title()).toBe("Fleet · Skein");
  const links = await page.locator("nav a").all();
  expect(links.length).toBeGreaterThanOrEqual(9);
  for (const link of links) {
    const name = await link.innerText();
    await link.click();
    await expect.poll(() => page.title()).toBe(`${name} · Skein`);
    await expect.poll(() => heading(page).count()).toBe(1);
    expect(await link.getAttribute("aria-current")).toBe("page");
  }
  await page.goBack();
  await expect.poll(() => page.locator("nav a[aria-current]").innerText()).toBe(await links.at(-2)?.innerText());
  expect(faults).toEqual([]);
});

test("An address that names no view says so and leads back", async () => {
  await using opened = await open("#/attic/x");
  const { page, faults } = opened;
  await expect.poll(() => page.locator("main").innerText()).toContain("There is no view called “attic”");
  await page.locator("main a").click();
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  expect(faults).toEqual([]);
});

describe("Where nobody gets in without a token", () => {
  test("the dashboard asks for one, leaves it to the browser, and forgets it on wish", async () => {
    await using closed = await startGateway({ auth: enforced });
    await closed.publish("instances/mine", { status: "running" }, await token());
    await using opened = await openDashboard({ browser, url: closed.url }, "#/fleet");
    const { page, faults } = opened;
    const form = page.locator("form.sign-in");
    await form.locator("input").fill("nonsense");
    await form.locator("button").click();
    await expect.poll(() => form.locator("[role=alert]").innerText()).toContain("token");
    expect(await axe(page)).toEqual([]);
    await form.locator("input").fill(await token());
    await form.locator("button").click();
    await expect.poll(() => page.locator("tbody tr").innerText()).toContain("mine");
    expect(await form.isVisible()).toBe(false);
    expect(await page.locator(".who").innerText()).toBe("ann · acme");
    expect(await page.evaluate("document.cookie + localStorage.length + sessionStorage.length")).toBe("00");
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(() => form.isVisible()).toBe(true);
    expect(await page.locator("tbody tr").count()).toBe(0);
    expect(faults.filter((fault) => !fault.includes("401"))).toEqual([]);
  });

  test("a stream that needs one says how to come by it, and the rest of the dashboard is open", async () => {
    await using opened = await open("#/graph");
    const { page } = opened;
    await expect.poll(() => page.locator("main").innerText()).toContain("This stream needs a token");
    expect(await page.locator("main").innerText()).toContain("one-time link");
    await page.getByRole("link", { name: "Sign in" }).first().click();
    await page.locator("form.sign-in input").fill(await token({ org: "default" }));
    await page.locator("form.sign-in button").click();
    await expect.poll(() => page.locator(".who").innerText()).toBe("ann · default");
    await page.goto(`${gateway.url}/#/graph`);
    await expect.poll(() => pulse(page)).toMatch(/Live/);
    await expect.poll(() => page.locator("main").innerText()).not.toContain("needs a token");
  });
});

test("Whoever has a cookie that does not count any more goes on without one where that is allowed", async () => {
  const cookie = { name: "skein_session", value: "gone", url: gateway.url };
  await using opened = await open("#/fleet", { prepare: (page: Page) => page.context().addCookies([cookie]) });
  const { page } = opened;
  await expect.poll(() => page.locator("form.sign-in .fault").count()).toBe(1);
  await page.getByRole("button", { name: "Go on without one" }).click();
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  expect(await page.context().cookies()).toEqual([]);
});

test("A one-time link opens the dashboard with a session, and leaves no ticket in its address", async () => {
  await using opened = await open(`session?ticket=${await gateway.skein.link()}`);
  const { page, faults } = opened;
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  expect(new URL(page.url())).toMatchObject({ pathname: "/", search: "" });
  expect(await page.evaluate("fetch('api/session').then((answer) => answer.json())")).toMatchObject({
    org: "default",
    expires_at: expect.any(String),
  });
  expect(faults).toEqual([]);
});

test("Keys lead everywhere: past the navigation, to the filter, to the list of keys and out of it", async () => {
  await using opened = await open("#/fleet");
  const { page, faults } = opened;
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  const focused = () => page.evaluate<string>("document.activeElement.textContent || document.activeElement.tagName");
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the view");
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("main");
  await page.keyboard.press("/");
  expect(await page.evaluate("document.activeElement.type")).toBe("search");
  await page.keyboard.type("?/");
  expect(await page.locator("main input[type=search]").inputValue()).toBe("?/");
  await page.locator("main h1").click();
  await page.keyboard.press("?");
  const list = page.locator("dialog[open]");
  await expect.poll(() => list.innerText()).toContain("Go to the filter");
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect.poll(() => list.count()).toBe(0);
  expect(faults).toEqual([]);
});

test("What goes wrong in a view stays in it: the rest of the page goes on", async () => {
  await using opened = await open("#/fleet");
  const { page } = opened;
  const breakRuns = (body: string, status = 200) =>
    page.route(/assets\/Runs-.*\.js/, (route) => route.fulfill({ status, contentType: "text/javascript", body }));
  await breakRuns("export default () => { throw new Error('no luck') }");
  await page.getByRole("link", { name: "Runs" }).click();
  await expect.poll(() => page.locator("main").innerText()).toContain("no luck");
  expect(await pulse(page)).not.toBe("");
  await page.getByRole("link", { name: "Fleet" }).click();
  await expect.poll(() => heading(page).innerText()).toBe("Fleet");
  await breakRuns("gone", 404);
  await page.reload();
  await page.getByRole("link", { name: "Runs" }).click();
  await expect.poll(() => page.locator("main").innerText()).toContain("Runs could not be loaded");
});

test.each([320, 768])(
  "At a width of %i pixels the navigation folds, and nothing stands beyond the edge",
  async (width) => {
    await gateway.publish("instances/an-instance-with-quite-a-long-name-of-its-own", { status: "running" });
    await using opened = await open("#/fleet", { viewport: { width, height: 700 } });
    const { page, faults } = opened;
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(await page.locator("nav").isVisible()).toBe(false);
    const menu = page.locator("button.menu");
    await menu.click();
    expect(await menu.getAttribute("aria-expanded")).toBe("true");
    if (width === 320) expect(await axe(page)).toEqual([]);
    await page.getByRole("link", { name: "Logs", exact: true }).click();
    await expect.poll(() => page.title()).toBe("Logs · Skein");
    expect(await page.locator("nav").isVisible()).toBe(false);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(faults).toEqual([]);
  },
);
