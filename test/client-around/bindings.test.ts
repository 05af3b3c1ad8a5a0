import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { derived, get } from "svelte/store";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { statusStore, streamStore } from "../../src/client/svelte.ts";
import { ownTemplates, streamsWith, type Templates } from "../../src/index.ts";
import { startChromium } from "../support/chromium.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";
import { packed } from "./packed.ts";
import { contextFor, faultsOf, openPage } from "./pages.ts";

const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`).join("\n");

/** Agents as pieces with much in them that somebody may be in, and with what has no place in a piece. */
const agent: Templates["agent"] = ({ id, message }, { html, selector }) => ({
  html: html`<article data-agent="${id}"><h3>${message ?? id}</h3><input><textarea rows="2">${lines}</textarea>
    <script>globalThis.hasRun = 1</script><img src="data:," onerror="globalThis.hasRun = 2" alt="">
    <button onclick="globalThis.hasRun = 3">b</button><iframe srcdoc="<script>parent.hasRun = 4</script>"></iframe>
    <a href=" java	script:globalThis.hasRun=5">a</a></article>`,
  refresh_target: selector("data-agent", id),
});

let browser: Browser;
let context: BrowserContext;
let gateway: Gateway;
let bearer: string;
beforeAll(async () => {
  browser = await startChromium();
  gateway = await startGateway({ auth: openWithKey, streams: streamsWith({ ...ownTemplates, agent }) });
  bearer = await token({ org: "default" });
  // Without rules for pages, so that nothing but the client itself keeps anything from running.
  context = await contextFor(browser, gateway.url, { bypassCSP: true });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

/** A page in React: two parts follow one stream, one of them only sometimes. */
const app = `
import { createElement as h, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "skein/client";
import { useStatus, useStream } from "skein/client/react";
const skein = connect(location.origin);
function Rows({ of }) {
  const { state, status } = useStream(skein, of);
  return h("output", { id: of }, status.phase + ":" + [...(state?.values() ?? [])].map(({ name, status }) => name + "=" + status).join());
}
function Count() {
  const { state } = useStream(skein, "runs/r1", { reduce: (sum = 0, { n = 0 }) => sum + n });
  return h("output", { id: "sum" }, String(state));
}
function App() {
  const [isOpen, setOpen] = useState(true);
  return h("main", null, h("button", { onClick: () => setOpen(!isOpen) }, "toggle"), h("b", null, useStatus(skein).state),
    h(Rows, { of: "instances" }), h(Count), isOpen && h("aside", null, h(Rows, { of: "instances" })));
}
document.body.innerHTML = "<div id=root></div>";
createRoot(document.querySelector("#root")).render(h(StrictMode, null, h(App)));
`;

/** The page as one file, made as a developer's own build makes it. */
async function bundled(): Promise<string> {
  const { path } = packed();
  const entry = join(path, "app.js");
  writeFileSync(entry, app);
  const result = await build({
    root: path,
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"development"' },
    build: {
      write: false,
      minify: false,
      lib: { entry, formats: ["es"] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const [made] = Array.isArray(result) ? result : [result];
  if (!made || !("output" in made)) throw new Error("Nothing was built");
  return made.output[0].code;
}

test("In React, parts of a page show a stream as it is now, follow it while they are there, and warn of nothing", async () => {
  await gateway.publish("instances/a", { status: "running" });
  await gateway.publish("runs/r1", { type: "task_end", n: 2 });
  const page = await openPage(context, gateway.url);
  const body = await bundled();
  await page.route("**/app.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
  await page.evaluate("import('/app.js')");
  const rows = () => page.locator("#instances").allTextContents();
  await expect.poll(rows).toEqual(["live:a=running", "live:a=running"]);
  await expect.poll(() => page.locator("b").textContent()).toBe("live");
  await gateway.publish("instances/a", { status: "stopped" });
  await gateway.publish("runs/r1", { type: "task_end", n: 3 });
  await expect.poll(rows).toEqual(["live:a=stopped", "live:a=stopped"]);
  await expect.poll(() => page.locator("#sum").textContent()).toBe("5");
  await page.locator("button").click();
  await expect.poll(rows).toEqual(["live:a=stopped"]);
  await page.locator("button").click();
  expect(await rows()).toEqual(["live:a=stopped", "live:a=stopped"]);
  expect(faultsOf(page)).toEqual([]);
});

test("A Svelte store of a stream tells its value at once and at each change, and stops when nobody listens", async () => {
  await gateway.publish("instances/svelte", { status: "running" });
  const skein = connect(gateway.url);
  const store = streamStore(skein, "instances");
  expect(get(store)).toEqual({ state: undefined, status: { phase: "loading" } });
  const names = derived(store, ({ state }) => [...(state?.keys() ?? [])].join());
  const seen: string[] = [];
  const stop = names.subscribe((text) => seen.push(text));
  await expect.poll(() => seen.at(-1)).toContain("svelte");
  expect(get(statusStore(skein)).state).toBe("live");
  await gateway.publish("instances/svelte", null);
  await expect.poll(() => seen.at(-1)).not.toContain("svelte");
  const { length } = seen;
  stop();
  await gateway.publish("instances/later", { status: "running" });
  await expect.poll(() => get(statusStore(skein)).state).toBe("idle");
  expect(seen).toHaveLength(length);
  skein.close();
});

/** A page with pieces of pages, which follows as the bearer of a token. */
async function openPieces(body: string): Promise<Page> {
  const page = await openPage(context, gateway.url, { body });
  await page.evaluate(`import("/sdk/fragments.js").then(({ showFragments }) => {
    globalThis.skein = connect(location.origin, { token: ${JSON.stringify(bearer)} });
    globalThis.stop = showFragments(skein);
  })`);
  await expect.poll(() => page.evaluate("skein.status.state")).toBe("live");
  return page;
}

const progress = (id: string, percent: number) =>
  gateway.publish(`attacks/${id}`, { type: "attack.progress", progress: percent, name: `Attack ${id}` }, bearer);

test("A piece of a page is added where the page says so, and takes the place of the one that it stands for", async () => {
  const page = await openPieces(`<section data-skein-live="live/campaigns"><p>Attacks</p></section>
    <aside><article data-attack="elsewhere">old</article></aside>`);
  await progress("a1", 5);
  await progress("a2", 10);
  const shown = () => page.locator("section article").allTextContents();
  await expect.poll(shown).toHaveLength(2);
  await progress("a1", 50);
  await progress("elsewhere", 60);
  await expect.poll(async () => (await shown()).join()).toContain("50 %");
  await expect.poll(() => page.locator("aside article").textContent()).toContain("60 %");
  expect(
    await page.evaluate("[...document.querySelector('section').children].map(({ localName }) => localName)"),
  ).toEqual(["p", "article", "article"]);
  expect(await shown()).toEqual([expect.stringContaining("50 %"), expect.stringContaining("10 %")]);
  // What comes into the page later is followed, and what leaves it no more.
  await page.evaluate(`document.body.insertAdjacentHTML("beforeend", '<div data-skein-live="live/agents"></div>')`);
  await expect.poll(() => page.evaluate("skein.stream('live/agents').status.phase")).toBe("live");
  await gateway.publish("agents/g1", { type: "agent.heartbeat", message: "orion" }, bearer);
  await expect.poll(() => page.locator("div h3").allTextContents()).toEqual(["orion"]);
  expect(faultsOf(page)).toEqual([]);
  await page.close();
});

test("Who is in a piece stays there when it is replaced: the focus, what was typed, and what was scrolled", async () => {
  const page = await openPieces('<section data-skein-live="live/agents"></section>');
  const beat = (message: string) => gateway.publish("agents/f1", { type: "agent.heartbeat", message }, bearer);
  await beat("one");
  await expect.poll(() => page.locator("section h3").textContent()).toBe("one");
  await page.locator("input").pressSequentially("typed");
  await page.evaluate("document.querySelector('textarea').scrollTo(0, 40)");
  await beat("two");
  await expect.poll(() => page.locator("section h3").textContent()).toBe("two");
  await page.keyboard.type("!");
  expect(await page.locator("input").inputValue()).toBe("typed!");
  expect(await page.evaluate("document.querySelector('textarea').scrollTop")).toBe(40);
  await page.close();
});

test("Nothing in a piece runs, whatever its template has in it", async () => {
  const page = await openPieces('<section data-skein-live="live/agents"></section>');
  await gateway.publish("agents/x1", { type: "agent.heartbeat", message: "x" }, bearer);
  await expect.poll(() => page.locator("article").count()).toBe(1);
  expect(await page.locator("article").innerHTML()).not.toMatch(/script|onclick|onerror|srcdoc/i);
  await page.locator("button").click();
  expect(await page.evaluate("globalThis.hasRun")).toBeUndefined();
  expect(faultsOf(page)).toEqual([]);
  await page.close();
});

test("Toasts are announced politely, are only so many, and vanish, but not while somebody points at one", async () => {
  const page = await openPieces(
    '<section data-skein-live="live/toasts" data-skein-most="2" data-skein-seconds="4"></section>',
  );
  expect(await page.locator("section").getAttribute("aria-live")).toBe("polite");
  const toasts = () =>
    page.evaluate<string[]>("[...document.querySelectorAll('.toast')].map(({ dataset }) => dataset.crack)");
  const seen = page.evaluate<number>(`new Promise((resolve) => {
    let most = 0;
    new MutationObserver(() => {
      most = Math.max(most, document.querySelectorAll(".toast").length);
      if (document.querySelector("[data-crack=c5]")) resolve(most);
    }).observe(document.querySelector("section"), { childList: true });
  })`);
  for (let i = 1; i <= 5; i++) await gateway.publish(`cracks/c${i}`, { type: "crack.submitted", count: i }, bearer);
  expect(await seen).toBeLessThanOrEqual(3);
  await page.locator("[data-crack=c5]").hover();
  await expect.poll(toasts).toEqual(["c5"]);
  await page.mouse.move(0, 500);
  await expect.poll(toasts).toEqual([]);
  await page.close();
});
