import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { productStreams } from "../../src/index.ts";
import { startChromium } from "../support/chromium.ts";
import { Client } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { layWire } from "../support/proxy.ts";
import { enforced, token } from "../support/tokens.ts";

/** The rooms of a stream are listed as well. */
const streamCount = productStreams.length + productStreams.filter(({ kind }) => kind === "rooms").length;

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

/** Follows a stream in the page as a newcomer would write it; only the WebSocket has to reconnect by itself. */
const script = (stream: string) => `{
  const source = new EventSource("/sse/${stream}");
  source.onmessage = ({ data }) => frame("sse", data);
  source.onerror = () => source.readyState === 2 && ended("sse", source.readyState);
  let cursor;
  const connect = () => {
    const url = new URL("/ws/${stream}", location);
    url.protocol = "ws:";
    if (cursor) url.searchParams.set("since", cursor);
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      cursor = JSON.parse(data).cursor ?? cursor;
      frame("ws", data);
    };
    socket.onclose = ({ code }) => (code === 1000 ? ended("ws", code) : setTimeout(connect, 50));
  };
  connect();
}`;

interface Followed extends AsyncDisposable {
  readonly page: Page;
  readonly sse: Client;
  readonly ws: Client;
}

/** A page of a gateway that follows a stream with the browser's own EventSource and WebSocket. */
async function followInPage(url: string, stream: string): Promise<Followed> {
  const page = await browser.newPage();
  const clients: Record<string, Client> = { sse: new Client(), ws: new Client() };
  await page.exposeFunction("frame", (side: string, data: string) => clients[side]?.see(data));
  await page.exposeFunction("ended", (side: string, code: number) => clients[side]?.finish({ code }));
  await page.goto(`${url}/icon.svg`);
  await page.evaluate(script(stream));
  const { sse = new Client(), ws = new Client() } = clients;
  return { page, sse, ws, [Symbol.asyncDispose]: () => page.close() };
}

/** Every frame but those that tell of a reconnect, of which each connection has its own. */
function told({ raw }: Client): string[] {
  return raw.filter((json) => !json.startsWith('{"type":"resumed"'));
}

/** Settles when the last frame of the message at that position is there. */
async function reached(client: Client, position: number): Promise<void> {
  await client.until((frames) => frames.some(({ cursor }) => cursor?.endsWith(`-${position}`)));
}

const streams = [
  ["runs/r1", "runs/r1", (n: number) => ({ type: "task_end", n, said: `grüße \u2028 ${n}` })],
  ["instances", "instances/a", (n: number) => ({ status: `s${n}`, n })],
  ["messages", "messages/m", (n: number) => ({ event: "sent", from: "a", to: "b", message_type: `t${n}` })],
] as const;

describe.each(streams)("In a page, EventSource and WebSocket on %s", (stream, tail, body) => {
  test("get the same texts, and miss and repeat nothing when the connection is cut again and again", async () => {
    await using gateway = await startGateway();
    await using wire = await layWire(gateway.url);
    await using followed = await followInPage(wire.url, stream);
    const { sse, ws } = followed;
    await Promise.all([sse.count(1), ws.count(1)]);
    for (let n = 1; n <= 40; n++) {
      await gateway.publish(tail, body(n));
      if (n % 10 === 0) wire.cut();
      // Each cut must hit a connection that lives and has more to say.
      if (n % 10 === 5) await Promise.all([reached(sse, n), reached(ws, n)]);
    }
    await Promise.all([reached(sse, 40), reached(ws, 40)]);
    expect(told(sse)).toEqual(told(ws));
    const cursors = sse.frames.filter(({ type }) => type !== "resumed").map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    for (const { frames } of [sse, ws]) {
      expect(frames.filter(({ type }) => type === "resumed").length).toBeGreaterThanOrEqual(3);
      expect(frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
    }
  });
});

test("In a page, the end of a run stops EventSource for good and closes WebSocket with 1000", async () => {
  await using gateway = await startGateway();
  await gateway.publish("runs/r1", { type: "boot" });
  await using followed = await followInPage(gateway.url, "runs/r1");
  const { sse, ws } = followed;
  await Promise.all([sse.count(2), ws.count(2)]);
  await gateway.publish("runs/r1", { type: "done" });
  expect(await Promise.all([sse.ended, ws.ended])).toEqual([{ code: 2 }, { code: 1000 }]);
  expect(sse.raw).toEqual(ws.raw);
  expect(sse.frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "done"]);
});

interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in it: errors on the console, exceptions, requests that failed. */
  readonly faults: string[];
}

/** The page that shows one stream over two transports. */
async function open({ url }: Gateway, place: string): Promise<Opened> {
  const page = await browser.newPage({ reducedMotion: "reduce" });
  const faults: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
  await page.goto(`${url}/${place}`);
  return { page, faults, [Symbol.asyncDispose]: () => page.close() };
}

/** The frames in one of the page's columns, as text. */
function column(page: Page, side: "sse" | "ws"): Promise<string[]> {
  return page.locator(`#${side} .frames code`).allTextContents();
}

test("The page lists the streams and shows one live over both transports, byte for byte the same", async () => {
  await using gateway = await startGateway();
  await gateway.publish("instances/old", { status: "running", port: 1 });
  await using opened = await open(gateway, "streams.html");
  const { page, faults } = opened;
  await expect.poll(() => page.locator("#streams a").count()).toBe(streamCount);
  expect(await page.locator("#streams").innerText()).toMatch(/instances[\s\S]*messages[\s\S]*runs\/:run_id/);
  for (const side of ["sse", "ws"] as const) await expect.poll(() => column(page, side)).toHaveLength(1);
  for (let n = 1; n <= 5; n++) await gateway.publish(`instances/new-${n}`, { status: "running", port: n });
  for (const side of ["sse", "ws"] as const) await expect.poll(() => column(page, side)).toHaveLength(6);
  const shown = await column(page, "sse");
  expect(await column(page, "ws")).toEqual(shown);
  expect(shown[0]).toContain('"type":"snapshot"');
  expect(shown[5]).toContain("new-5");
  await expect.poll(() => page.locator("#verdict-word").innerText()).toBe("Byte for byte the same");
  expect(faults).toEqual([]);
});

test("The page follows what its address says, and what is chosen or typed", async () => {
  await using gateway = await startGateway();
  for (const type of ["boot", "done"]) await gateway.publish("runs/r1", { type });
  await using opened = await open(gateway, "streams.html#runs/r1");
  const { page, faults } = opened;
  for (const side of ["sse", "ws"] as const) {
    await expect.poll(() => column(page, side)).toHaveLength(3);
    await expect.poll(() => page.locator(`#${side} .state`).innerText()).toMatch(/^over/);
  }
  await page.locator('#streams a[data-path="messages"]').click();
  await gateway.publish("messages/m1", { event: "sent", from: "a", to: "b", message_type: "t" });
  for (const side of ["sse", "ws"] as const)
    await expect.poll(async () => (await column(page, side)).join()).toContain("m1");
  await page.locator("#path").fill("instances");
  await page.locator("#choice button").click();
  await gateway.publish("instances/a", { status: "running" });
  for (const side of ["sse", "ws"] as const) {
    await expect.poll(async () => (await column(page, side)).join()).toContain('"name":"a"');
  }
  expect(faults).toEqual([]);
});

test("What is published is shown as text, whatever it looks like", async () => {
  await using gateway = await startGateway();
  await using opened = await open(gateway, "streams.html#instances");
  const { page, faults } = opened;
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  await gateway.publish("instances/a", { status: evil });
  await expect.poll(async () => (await column(page, "ws")).join()).toContain("<img src=x");
  expect(await page.locator("#ws .frames img, #ws .frames script").count()).toBe(0);
  expect(faults).toEqual([]);
});

test("Where nobody gets in without a token, the page asks for one and leaves it to the browser", async () => {
  await using gateway = await startGateway({ auth: enforced });
  await gateway.publish("instances/mine", { status: "running" }, await token());
  await using opened = await open(gateway, "streams.html#instances");
  const { page } = opened;
  const form = page.locator("#identity");
  await form.locator("input").fill("nonsense");
  await form.locator("button").click();
  await expect.poll(() => page.locator("#identity-fault").innerText()).toContain("token");
  await form.locator("input").fill(await token());
  await form.locator("button").click();
  for (const side of ["sse", "ws"] as const) {
    await expect.poll(async () => (await column(page, side)).join()).toContain('"name":"mine"');
  }
  expect(await form.isVisible()).toBe(false);
  expect(await page.evaluate("document.cookie + localStorage.length + sessionStorage.length")).toBe("00");
});

test("Whatever the width, nothing stands beyond the page's edge", async () => {
  await using gateway = await startGateway();
  await gateway.publish("instances/an-instance-with-quite-a-long-name-of-its-own", {
    status: "running",
    note: "x".repeat(400),
  });
  await using opened = await open(gateway, "streams.html#instances");
  const { page } = opened;
  await expect.poll(() => column(page, "ws")).toHaveLength(1);
  for (const width of [1280, 768, 390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth"), `${width}`).toBeLessThanOrEqual(width);
  }
});
