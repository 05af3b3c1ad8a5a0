import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { source } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";

const file = fileURLToPath(new URL("../../examples/browser/index.html", import.meta.url));

/** A web server that has nothing but the page. */
const server = createServer((_request, response) => {
  response.setHeader("content-type", "text/html").end(readFileSync(file));
});

let browser: Browser;
let gateway: Gateway;
let page: Page;
let here: string;
const faults: string[] = [];
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await startChromium();
  gateway = await startGateway({ auth: { ...openWithKey, allowOrigin: [here] } });
  page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", ({ message }) => faults.push(message));
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  server.close();
});

const types = () => page.locator("#log strong").allTextContents();
const state = () => page.locator("#state strong").textContent();

/** Follows what the form says; the newest frame is first in the list. */
async function follow(fields: Readonly<Record<string, string>>, transport: string): Promise<void> {
  await page.goto(here);
  for (const [name, value] of Object.entries({ gateway: gateway.url, ...fields }))
    await page.locator(`[name=${name}]`).fill(value);
  await page.locator(`[value=${transport}]`).check();
  await page.getByRole("button", { name: "Follow" }).click();
}

test.each(["ws", "sse", "poll"])("The page of one file follows a stream over %s to its end", async (transport) => {
  const run = `runs/${transport}`;
  await gateway.publish(run, { type: "boot" });
  await follow({ stream: run }, transport);
  await expect.poll(types).toEqual(["boot", "snapshot"]);
  await expect.poll(state).toBe("Live");
  await gateway.publish(run, { type: "task_start" });
  await expect.poll(types, { timeout: 5000 }).toEqual(["task_start", "boot", "snapshot"]);
  await gateway.publish(run, { type: "done" });
  await expect.poll(state, { timeout: 10_000 }).toBe("Over");
  await expect.poll(types).toEqual(["done", "task_start", "boot", "snapshot"]);
  expect(new URL(page.url()).hash).toContain(`transport=${transport}`);
  expect(faults).toEqual([]);
});

test.each(["ws", "sse", "poll"])(
  "With a token it follows what needs one over %s, and says so when it is not good",
  async (transport) => {
    await follow({ stream: "mission", token: await token({ org: "default" }) }, transport);
    await expect.poll(types, { timeout: 5000 }).toContain("snapshot");
    expect(new URL(page.url()).hash).not.toContain("token");
    await page.locator("[name=token]").fill("");
    await page.getByRole("button", { name: "Follow" }).click();
    await expect.poll(state, { timeout: 5000 }).toMatch(/Refused|Over/);
    faults.length = 0;
  },
);

test("It has no accessibility fault that is serious, and nothing stands beyond the edge of a phone", async () => {
  await page.setViewportSize({ width: 360, height: 700 });
  await follow({ stream: "runs/ws" }, "ws");
  await expect.poll(types).toContain("done");
  await page.evaluate(source);
  const found = await page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical").map(({ help }) => help))`);
  expect(found).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
});
