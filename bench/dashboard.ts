// npm run bench dashboard [-- --json]: what the dashboard costs in a browser, measured in the page and by its debugger.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, CDPSession, Page } from "playwright-core";
import { startChromium } from "../test/support/chromium.ts";
import { openDashboard } from "../test/support/dashboard.ts";
import { LogWriter } from "../test/support/log-writer.ts";
import { Children } from "./children.ts";
import { startGateway } from "./logs/gateway.ts";
import { table } from "./report.ts";

const help = `What the dashboard costs in a real Chromium, without a graphics card, on this machine.

  npm run bench dashboard [-- options]

  --json   figures as JSON
  --help   this text

  load     from the start of navigation to the first paint, to the first frame of the stream in the page's hands and to the
           first row on the screen, of a fleet of 100; each time in a browser context that has nothing in its cache
  filter   from a key in the filter of a fleet of 1,000 rows to the next picture
  rate     a log of 10,000 lines a second, followed for ten seconds: pictures a second, and the time between two of them
  search   the same with a search that finds every tenth line
  memory   a log that is open while a million lines come: the heap after a collection, elements in the page, lines kept
`;

const rounds = 9;
const seconds = 10;
const rate = 10_000;

/** When what was to be seen first was there, in milliseconds since the navigation began. */
const watch = `{
  const NativeSocket = WebSocket;
  globalThis.WebSocket = class extends NativeSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", () => { globalThis.frameMs ??= performance.now(); });
    }
  };
  const look = () => {
    if (document.querySelector("tbody tr")) requestAnimationFrame(() => { globalThis.rowMs = performance.now(); });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}`;

type Row = readonly (string | number)[];

interface Section {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(folder, { recursive: true, force: true });
});

if (process.argv.includes("--help")) {
  console.log(help);
} else {
  execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/dashboard.mjs", import.meta.url))], {
    stdio: "inherit",
  });
  const browser = await startChromium();
  const { url } = await startGateway(children, join(folder, "{name}.log"));
  const sections = [
    await load(browser, url),
    await filter(browser, url),
    await rates(browser, url),
    await memory(browser, url),
  ];
  await browser.close();
  await children.stop();
  console.log(process.argv.includes("--json") ? JSON.stringify(sections, null, 2) : sections.map(shown).join("\n\n"));
}

function shown({ name, columns, rows }: Section): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell)));
  return `${name}\n${table([...columns], texts)}`;
}

async function publish(url: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const body = JSON.stringify({
      status: n % 3 === 0 ? "stopped" : "running",
      port: 20_000 + n,
      pid: n,
      node: "host-1",
    });
    await fetch(`${url}/api/publish/instances/agent-${n}`, { method: "POST", body });
  }
}

async function load(browser: Browser, url: string): Promise<Section> {
  await publish(url, 100);
  const found: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    const prepare = (page: Page) => page.addInitScript(watch);
    await using opened = await openDashboard({ browser, url }, "#/fleet", { prepare });
    await until(opened.page, "globalThis.rowMs");
    const paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0";
    found.push(await opened.page.evaluate<number[]>(`[${paint}, frameMs, rowMs]`));
  }
  const of = (at: number) => found.map((times) => times[at] ?? 0);
  const rows = ["first paint", "first frame", "first row"].map((what, at) => [
    what,
    median(of(at)),
    Math.max(...of(at).map(Math.round)),
  ]);
  return { name: "load", columns: ["until", "median ms", "worst ms"], rows };
}

async function filter(browser: Browser, url: string): Promise<Section> {
  await publish(url, 1000);
  await using opened = await openDashboard({ browser, url }, "#/fleet");
  const { page } = opened;
  await until(page, "document.querySelectorAll('tbody tr').length === 1000");
  const takenMs = await page.evaluate<number[]>(`(async () => {
    const field = document.querySelector("main input[type=search]");
    const taken = [];
    for (const text of ["a", "agent-1", "agent-12", "agent-123", "agent-12", "", "stopped", ""]) {
      await new Promise(requestAnimationFrame);
      const began = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise(requestAnimationFrame);
      await new Promise((resolve) => setTimeout(resolve));
      taken.push(performance.now() - began);
    }
    return taken;
  })()`);
  return {
    name: "filter",
    columns: ["rows", "median ms", "worst ms"],
    rows: [[1000, median(takenMs), Math.round(Math.max(...takenMs))]],
  };
}

async function rates(browser: Browser, url: string): Promise<Section> {
  const rows = [await rateOf(browser, url, "rate"), await rateOf(browser, url, "search")];
  return {
    name: `${rate.toLocaleString("en")} lines a second`,
    columns: ["", "fps", "median ms", "p99 ms", "worst ms", "lines"],
    rows,
  };
}

async function rateOf(browser: Browser, url: string, what: "rate" | "search"): Promise<Row> {
  await using writer = await LogWriter.start({
    path: join(folder, `${what}.log`),
    perSecond: rate,
    bytes: 100,
    areCut: false,
  });
  const query = what === "search" ? "?search=0%20" : "";
  await using opened = await openDashboard({ browser, url }, `#/logs/${what}${query}`);
  const { page } = opened;
  await until(page, "document.querySelectorAll('.rows > *').length > 10");
  const before = await counted(page);
  await page.evaluate(`{
    globalThis.betweenMs = [];
    let last;
    const picture = (now) => {
      if (last !== undefined) betweenMs.push(now - last);
      last = now;
      requestAnimationFrame(picture);
    };
    requestAnimationFrame(picture);
  }`);
  await writer.writes(rate * seconds);
  const betweenMs = await page.evaluate<number[]>("betweenMs");
  const last = String(await writer.finish(0)).padStart(10, "0");
  await until(page, `document.querySelector(".rows > :last-child").textContent.startsWith("${last}")`);
  const sorted = betweenMs.toSorted((a, b) => a - b);
  const total = betweenMs.reduce((sum, ms) => sum + ms, 0);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return [
    what,
    Math.round((betweenMs.length / total) * 1000),
    median(betweenMs),
    Math.round(p99),
    Math.round(sorted.at(-1) ?? 0),
    (await counted(page)) - before,
  ];
}

async function memory(browser: Browser, url: string): Promise<Section> {
  await using writer = await LogWriter.start({
    path: join(folder, "memory.log"),
    perSecond: 30_000,
    bytes: 100,
    areCut: false,
  });
  await using opened = await openDashboard({ browser, url }, "#/logs/memory");
  const { page } = opened;
  const debug = await page.context().newCDPSession(page);
  const rows: Row[] = [];
  for (const lines of [1_000, 100_000, 200_000, 400_000, 700_000, 1_000_000]) {
    await until(
      page,
      `Number(document.querySelector(".toolbar .end")?.textContent.replace(/\\D/g, "") ?? 0) >= ${lines}`,
    );
    rows.push(await held(page, debug));
  }
  await writer.finish(0);
  return { name: "memory", columns: ["lines seen", "heap MB", "elements", "lines gone"], rows };
}

async function held(page: Page, debug: CDPSession): Promise<Row> {
  await debug.send("HeapProfiler.collectGarbage");
  const { usedSize } = await debug.send("Runtime.getHeapUsage");
  const elements = await page.evaluate<number>("document.querySelectorAll('*').length");
  const gone = await page.evaluate<string>("document.querySelector('.rule.head')?.textContent ?? '0'");
  return [await counted(page), Math.round(usedSize / 1e5) / 10, elements, Number(gone.replaceAll(/\D/g, ""))];
}

/** Waits in the page: the Content-Security-Policy forbids what Playwright would do. */
async function until(page: Page, condition: string): Promise<void> {
  await page.evaluate(`(async () => {
    while (!(${condition})) await new Promise((resolve) => setTimeout(resolve, 20));
  })()`);
}

async function counted(page: Page): Promise<number> {
  return Number((await page.locator(".toolbar .end").innerText()).replaceAll(/\D/g, ""));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) * 5) / 10;
}
