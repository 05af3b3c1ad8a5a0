import { raw } from "hono/html";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { render, type Template } from "../../src/fragments/fragment.ts";
import { ownTemplates, type Templates, templateNames } from "../../src/fragments/templates.ts";
import { streamsWith } from "../../src/streams/all.ts";
import { startChromium } from "../support/chromium.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";
import { contextFor, faultsOf, openPage } from "./pages.ts";

/** A template of somebody's own that lets everything through. */
const agent: Templates["agent"] = ({ id, message, name }, { html, selector }) => ({
  html:
    name === "row"
      ? html`<tr data-agent="${id}" onclick="globalThis.hasRun = 1"><td>${message ?? ""}</td></tr>`
      : html`${raw(`<article data-agent="${id}">${message ?? ""}</article>`)}`,
  refresh_target: selector("data-agent", id),
});

let browser: Browser;
let context: BrowserContext;
let gateway: Gateway;
let bearer: string;
let page: Page;

beforeAll(async () => {
  browser = await startChromium();
  gateway = await startGateway({ auth: openWithKey, streams: streamsWith({ ...ownTemplates, agent }) });
  bearer = await token({ org: "default" });
  // Without rules for pages, so that nothing but the client itself keeps anything from running.
  context = await contextFor(browser, gateway.url, { bypassCSP: true });
  page = await openPage(context, gateway.url, { body: '<section data-skein-live="live/agents"></section>' });
  await follow("{}");
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

/** Shows pieces in the page, in place of what showed them before. */
async function follow(options: string): Promise<void> {
  await page.evaluate(`import("/sdk/fragments.js").then(({ showFragments }) => {
    globalThis.stop?.();
    globalThis.skein ??= connect(location.origin, { token: ${JSON.stringify(bearer)} });
    globalThis.stop = showFragments(skein, document, ${options});
  })`);
  await page.waitForFunction("skein.stream('live/agents').status.phase === 'live'");
}

let count = 0;

/** What comes into the page of a piece. */
async function shown(html: string): Promise<string> {
  const id = `g${count++}`;
  await gateway.publish(`agents/${id}`, { type: "agent.heartbeat", message: `${html}<hr>` }, bearer);
  const piece = page.locator(`[data-agent="${id}"]`);
  await expect.poll(() => piece.locator("hr").count()).toBe(1);
  return (await piece.innerHTML()).replace(/<hr>$/, "");
}

describe("Of a piece nothing comes into the page that", () => {
  const run = "globalThis.hasRun = 1";
  test.each([
    ["is a script", `<script>${run}</script>`, ""],
    ["is a script in SVG", `<svg><script>${run}</script></svg>`, ""],
    ["handles an event", `<b onclick="${run}" ONPOINTERENTER='${run}'>b</b>`, "<b>b</b>"],
    ["handles an error", `<img src="/none" onerror="${run}">`, '<img src="/none">'],
    ["handles the end of an animation", `<b style="animation:x 1ms" onanimationend="${run}">b</b>`, "<b>b</b>"],
    ["is an address that runs", `<a href="javascript:${run}">a</a>`, "<a>a</a>"],
    ["hides such an address", `<a href=" java\tscript&colon;${run}">a</a>`, "<a>a</a>"],
    ["is an address of a document", '<a href="data:text/html,<script>1</script>">a</a>', "<a>a</a>"],
    ["is an address of VBScript", '<a href="vbscript:x">a</a>', "<a>a</a>"],
    ["is a frame", '<iframe src="https://evil.example"></iframe><object data="x"></object><embed src="x">', ""],
    ["is a document of its own", `<iframe srcdoc="<script>parent.hasRun = 1</script>"></iframe>`, ""],
    [
      "has styles",
      "<style>body { display: none }</style><p style='position:fixed'>p</p><link rel=stylesheet href=x>",
      "<p>p</p>",
    ],
    [
      "is SVG or MathML",
      `<svg onload="${run}"><a xlink:href="javascript:1"><text>t</text></a></svg><math><mi>x</mi></math>`,
      "",
    ],
    [
      "sends a form",
      '<form action="https://evil.example"><button formaction="https://evil.example">b</button></form>',
      "<button>b</button>",
    ],
    ["belongs to a form elsewhere", '<input form="login" name="password">', "<input>"],
    ["htmx obeys", '<p hx-get="/x" hx-on:click="1" data-hx-post="/x" data-hx-on:click="1">p</p>', "<p>p</p>"],
    [
      "other libraries obey",
      '<p x-on:click="1" @click="1" v-html="x" data-on-click="1" data-action="a" data-turbo="x">p</p>',
      "<p>p</p>",
    ],
    ["this client obeys", '<p data-skein-live="live/toasts">p</p>', "<p>p</p>"],
    [
      "changes the page",
      '<base href="https://evil.example"><meta http-equiv="refresh" content="0;url=https://evil.example">',
      "",
    ],
    [
      "is an element of its own",
      '<evil-one is="x">e</evil-one><b is="evil-two">b</b><slot name="s"></slot>',
      'e<b is="">b</b>',
    ],
    [
      "is another thing once it is parsed again",
      `<math><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${run}&gt;"></math><!-- -->`,
      "",
    ],
  ])("%s", async (_what, html, left) => {
    const kept = await shown(html);
    expect(kept.replaceAll(/<\/?(?:svg|math)[^>]*>/g, "")).toBe(left);
    expect(await page.evaluate("globalThis.hasRun")).toBeUndefined();
    expect(page.frames()).toHaveLength(1);
    expect(faultsOf(page).filter((fault) => !fault.includes("404"))).toEqual([]);
  });
});

describe("What comes into the page is", () => {
  test.each([
    '<h2 id="h" class="big" title="t" lang="de" dir="ltr">Titel</h2><p>a <b>b</b> <em>c</em> <code>d</code><br></p>',
    '<ul><li>one</li></ul><ol start="2"><li>two</li></ol><dl><dt>a</dt><dd>b</dd></dl>',
    '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">b</td></tr></tbody></table>',
    '<a href="/runs?id=1#x">a</a><a href="https://example.com/x">b</a><a href="mailto:a@example.com">c</a>',
    '<progress max="100" value="42.5">42 %</progress><meter value="1"></meter><time datetime="2026-11-29">today</time>',
    '<div role="status" aria-live="polite" aria-label="x" tabindex="0" data-row="7">d</div>',
    '<details open=""><summary>s</summary><pre>p</pre></details><input type="checkbox" disabled=""><textarea rows="2">t</textarea>',
  ])("%s", async (html) => {
    expect(await shown(html)).toBe(html);
  });

  test.each(templateNames)("all of the product's own template %s", async (name) => {
    const event = {
      type: `${name}.x`,
      id: "e1",
      campaign_id: "7",
      name: "N & M",
      state: "running",
      progress: 4,
      message: "m",
      hash_type: "NTLM",
      count: 2,
    };
    const { html } = render(name, ownTemplates[name] as Template<unknown>, event);
    const whole = await page.evaluate<string>(
      `{ const t = document.createElement("template"); t.innerHTML = ${JSON.stringify(html)}; t.innerHTML }`,
    );
    expect(await shown(html)).toBe(whole);
  });
});

test("A row of a table stays one, and is replaced by the next", async () => {
  await page.evaluate(
    `document.querySelector("section").insertAdjacentHTML("beforebegin", '<table><tbody id="rows"><tr data-agent="t1"><td>old</td></tr></tbody></table>')`,
  );
  for (const message of ["one", "two"]) {
    await gateway.publish("agents/t1", { type: "agent.heartbeat", message, name: "row" }, bearer);
    await expect
      .poll(() => page.evaluate("document.querySelector('#rows').innerHTML"))
      .toBe(`<tr data-agent="t1"><td>${message}</td></tr>`);
  }
});

test("A page may clean pieces by a function of its own", async () => {
  await follow('{ sanitize: (html) => html.replaceAll(/<b>.*<[/]b>/g, "(b)") }');
  expect(await shown("<p>a <b>c</b></p>")).toBe("<p>a (b)</p>");
});
