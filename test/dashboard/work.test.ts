import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { axe, openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";

let browser: Browser;
let gateway: Gateway;
let acme: string;
beforeAll(async () => {
  [browser, gateway, acme] = await Promise.all([startChromium(), startGateway({ auth: openWithKey }), token()]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

const open = (place: string) => openDashboard({ browser, url: gateway.url }, place, { token: acme });
const publish = (tail: string, body: unknown) => gateway.publish(tail, body, acme);
const main = (page: Page) => page.locator("main").innerText();
const toasts = (page: Page) => page.locator(".toasts").innerText();

const evil = `<img src=x onerror="document.body.dataset.owned='1'"><script>document.body.dataset.owned='1'</script>`;
const evilTail = encodeURIComponent(evil);

/** Whether anything that was published became more than text. */
async function expectOnlyText(page: Page): Promise<void> {
  await expect.poll(() => main(page)).toContain(evil);
  expect(await page.locator("main img, main script, .toasts img, .toasts script").count()).toBe(0);
  expect(await page.locator("body").getAttribute("data-owned")).toBeNull();
}

const guarded = [
  ["graph", "the tools that agents use"],
  ["crews", "the crews"],
  ["campaigns", "the agents"],
] as const;

test.each(guarded)("Without a token, the view of %s says how to get one", async (view, what) => {
  await using opened = await openDashboard({ browser, url: gateway.url }, `#/${view}`);
  const { page, faults } = opened;
  await expect.poll(() => main(page)).toContain("This stream needs a token");
  expect(await main(page)).toContain(what);
  expect(await main(page)).toContain("one-time link");
  if (view === "graph") expect(await axe(page)).toEqual([]);
  expect(faults).toEqual([]);
});

describe("The graph", () => {
  const tool = (crew: string, type: string, more: object) => publish(`graph/${crew}`, { type, ...more });
  const node = (page: Page, text: string) => page.locator("li.node").filter({ hasText: text });

  test("shows agents with their tools, how far those are, and tells when they end and how", async () => {
    await using opened = await open("#/graph");
    const { page, faults } = opened;
    await expect.poll(() => main(page)).toContain("No agent uses a tool");
    const call = { tool: "pytest", agent_id: "orion", call_id: "k1", run_id: "r1" };
    await tool("build", "tool_start", { ...call, params: { path: "tests/", api_key: "hush" } });
    await tool("build", "tool_start", { tool: "make", agent_id: "vega", call_id: "k2" });
    await expect.poll(() => page.locator("li.node").count()).toBe(5);
    expect(await node(page, "orion").innerText()).toContain("typing");
    expect(await main(page)).toContain("2 tools in use");
    expect(await page.locator("main tbody tr").first().innerText()).toMatch(/tests\/[\s\S]*\*\*\*/);
    expect(await page.content()).not.toContain("hush");
    await tool("build", "tool_progress", { tool: "pytest", call_id: "k1", message: "Half of it", progress: 0.5 });
    await expect.poll(() => node(page, "pytest").innerText()).toMatch(/Half of it\s+· 50 %/);
    await tool("build", "tool_end", { tool: "pytest", call_id: "k1", status: "success", duration_s: 2.3 });
    await tool("build", "tool_end", { tool: "make", call_id: "k2", status: "error", duration_s: 4 });
    await expect
      .poll(() => toasts(page))
      .toMatch(/✓\s+pytest of orion: 2\.3 s[\s\S]*▲\s+make of vega: failed after 4\.0 s/);
    await expect.poll(() => node(page, "orion").innerText()).toMatch(/done\s+· pytest/);
    expect(await node(page, "vega").innerText()).toContain("error");
    await expect.poll(() => page.locator("li.node").count()).toBe(3);
    expect(await axe(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  test("of one crew is an address, and a tool leads to its run", async () => {
    await tool("c1", "tool_start", { tool: "git", agent_id: "a1", call_id: "x", run_id: "r7" });
    await tool("c2", "tool_start", { tool: "vim", agent_id: "a2", call_id: "x" });
    await using opened = await open("#/graph?crew=c1");
    const { page, faults } = opened;
    await expect.poll(() => page.locator("li.node").count()).toBe(3);
    expect(await main(page)).not.toContain("vim");
    await page.getByLabel("Crew", { exact: true }).fill("c2");
    await page.getByLabel("Crew", { exact: true }).press("Enter");
    await expect.poll(() => main(page)).toContain("vim");
    expect(page.url()).toMatch(/crew=c2$/);
    await page.goto(`${gateway.url}/#/graph?crew=c1`);
    await page.getByRole("link", { name: "r7" }).click();
    await expect.poll(() => page.url()).toMatch(/#\/runs\/r7$/);
    expect(faults).toEqual([]);
  });

  test("offers the runs whose tools are in use where a run is chosen, for as long as they are", async () => {
    const call = { tool: "git", agent_id: "a1", call_id: "x" };
    for (const run_id of ["r21", "r22"]) await tool(`of-${run_id}`, "tool_start", { ...call, run_id });
    await using opened = await open("#/runs");
    const { page, faults } = opened;
    const offered = () => page.getByRole("region", { name: "Using tools now" }).getByRole("link").allInnerTexts();
    await expect.poll(offered).toEqual(expect.arrayContaining(["r21", "r22"]));
    await tool("of-r21", "tool_end", { ...call, status: "success" });
    await expect.poll(offered).not.toContain("r21");
    await page.getByRole("link", { name: "r22" }).click();
    await expect.poll(() => page.url()).toMatch(/#\/runs\/r22$/);
    expect(faults).toEqual([]);
  });

  test("stays text, whatever is in it", async () => {
    const call = { tool: evil, agent_id: evil, call_id: evil, run_id: evil };
    await tool(evilTail, "tool_start", { ...call, params: { [evil]: evil } });
    await tool(evilTail, "tool_progress", { ...call, message: evil });
    await using opened = await open(`#/graph?crew=${evilTail}`);
    const { page, faults } = opened;
    await expectOnlyText(page);
    await tool(evilTail, "tool_end", { ...call, status: "error", reason: evil });
    await expect.poll(() => toasts(page)).toContain(evil);
    await expectOnlyText(page);
    expect(faults).toEqual([]);
  });
});

describe("The crews", () => {
  const row = (page: Page, name: string) => page.locator("main tbody tr").filter({ hasText: name });

  test("are shown as they are, change live, and are filtered by an address", async () => {
    await publish("mission/alpha", { status: "available", load: 3 });
    await publish(`mission/${evilTail}`, { status: "offline", says: evil });
    await using opened = await open("#/crews");
    const { page, faults } = opened;
    await expect.poll(() => row(page, "alpha").innerText()).toMatch(/available[\s\S]*more than[\s\S]*load 3/);
    await expectOnlyText(page);
    await publish("mission/alpha", { status: "busy" });
    await expect.poll(() => row(page, "alpha").innerText()).toMatch(/busy/);
    expect(await row(page, "alpha").innerText()).not.toContain("more than");
    await page.getByRole("button", { name: /^offline/ }).click();
    await expect.poll(() => page.locator("main tbody tr").count()).toBe(1);
    expect(page.url()).toContain("status=offline");
    await page.goto(`${gateway.url}/#/crews?search=alp&status=offline`);
    await expect.poll(() => main(page)).toContain("No crew fits this filter");
    await page.getByRole("button", { name: "Show all 2" }).click();
    await expect.poll(() => page.locator("main tbody tr").count()).toBe(2);
    expect(faults).toEqual([]);
  });
});

describe("The tasks", () => {
  const update = (instance: string, task_id: string, data: object) =>
    publish(`tasks/${instance}`, { type: "task_update", task_id, data });
  const card = (page: Page, name: string) =>
    page.locator("article").filter({ has: page.getByRole("heading", { name }) });

  test("of chosen instances go on as they come, with their steps and what those gave", async () => {
    for (const name of ["i1", "i2"]) await publish(`instances/${name}`, { status: "running" });
    await update("i1", "t1", { progress: 75, message: "Processing", status: "IN_PROGRESS" });
    await using opened = await open("#/tasks");
    const { page, faults } = opened;
    await expect.poll(() => main(page)).toContain("Choose an instance");
    await page.getByRole("checkbox", { name: "i1" }).check();
    await page.getByRole("checkbox", { name: "i2" }).check();
    expect(page.url()).toMatch(/#\/tasks\?instance=i1&instance=i2$/);
    await expect.poll(() => card(page, "t1").innerText()).toMatch(/in progress[\s\S]*75 %[\s\S]*Processing/);
    expect(await main(page)).toContain("No task is under way");
    const step = { step_id: "s1", agent: "Writer", action: "Writing", status: "completed", output: { words: 12 } };
    await publish("tasks/i1", { type: "execution_step", task_id: "t1", data: step });
    await card(page, "t1").getByText("1 step").click();
    await card(page, "t1").getByText("Output").click();
    await expect.poll(() => card(page, "t1").innerText()).toMatch(/Writing[\s\S]*"words": 12/);
    expect(await axe(page)).toEqual([]);
    await update("i1", "t1", { progress: 100, status: "COMPLETED" });
    await update("i2", "t9", { status: "FAILED", message: "out of paper" });
    await expect.poll(() => card(page, "t9").innerText()).toContain("out of paper");
    await expect.poll(() => card(page, "t1").innerText()).toMatch(/completed[\s\S]*100 %/);
    await page.getByRole("checkbox", { name: "Hide what is over" }).check();
    await expect.poll(() => page.locator("article").count()).toBe(0);
    expect(page.url()).toContain("show=open");
    expect(faults).toEqual([]);
  });

  test("of an instance that nobody runs are an address, and stay text", async () => {
    await update(evilTail, evil, { status: "QUEUED", message: evil });
    await using opened = await open(`#/tasks?instance=${evilTail}`);
    const { page, faults } = opened;
    await expect.poll(() => card(page, evil).innerText()).toContain("queued");
    const step = { step_id: evil, agent: evil, action: evil, status: evil, output: evil };
    await publish(`tasks/${evilTail}`, { type: "execution_step", task_id: evil, data: step });
    await page.getByText("1 step").click();
    await page.getByText("Output").click();
    await expectOnlyText(page);
    expect(faults).toEqual([]);
  });
});

test("The campaigns swap pieces for newer ones, put jobs below their attacks, and tell of cracks", async () => {
  await publish("attacks/a1", { type: "attack.progress", progress: 10, name: "Rockyou", campaign_id: 7 });
  await publish("jobs/j1", { type: "job.progress", progress: 20, name: "chunk 1", attack_id: "a1" });
  await publish("jobs/j2", { type: "job.progress", progress: 20, name: "stray", attack_id: "unknown" });
  await publish(`agents/${evilTail}`, { type: "agent.error", name: evil, state: evil, message: evil });
  await using opened = await open("#/campaigns");
  const { page, faults } = opened;
  const attack = page.locator('[data-attack="a1"]');
  await expect.poll(() => attack.count()).toBe(1);
  expect(await page.locator('[data-attack="a1"] + ul.jobs > li').allInnerTexts()).toEqual(["chunk 1"]);
  expect(await page.locator("ul.loose > li").allInnerTexts()).toEqual(["stray"]);
  await expectOnlyText(page);
  await publish("attacks/a1", { type: "attack.state_changed", state: "completed", name: evil });
  await publish("jobs/j1", { type: "job.state_changed", state: "completed", name: "chunk 1", attack_id: "a1" });
  await expect.poll(() => attack.innerText()).toContain("completed");
  await expect.poll(() => page.locator("ul.jobs > li").allInnerTexts()).toEqual(["chunk 1\ncompleted"]);
  expect(await attack.count()).toBe(1);
  await publish("attacks/a2", { type: "attack.progress", progress: 5, name: "Mask", campaign_id: 8 });
  await page.getByLabel("Campaign").fill("8");
  await expect.poll(() => page.locator("[data-attack]:visible h3").allInnerTexts()).toEqual(["Mask"]);
  expect(await page.locator("main li:visible").count()).toBe(0);
  expect(page.url()).toContain("campaign=8");
  await page.getByLabel("Campaign").fill("");
  await publish("cracks/k1", { type: "crack.submitted", campaign_id: 7, hash_type: "NTLM", count: 3 });
  await expect.poll(() => toasts(page)).toContain("3 NTLM hashes cracked");
  await expectOnlyText(page);
  expect(faults).toEqual([]);
});

test("The swarm stands by status, what went wrong first, and goes on live", async () => {
  await using opened = await open("#/swarm");
  const { page, faults } = opened;
  await expect.poll(() => main(page)).toContain("The swarm is empty");
  await publish("swarm/agents/a1", { status: "idle", model: "small" });
  await publish(`swarm/agents/${evilTail}`, { status: evil, fact: evil });
  await publish("swarm/tasks/t1", { status: "IN_PROGRESS" });
  await publish("swarm/tasks/t2", { status: "failed" });
  const tasks = page.getByRole("region", { name: /^Tasks/ });
  await expect.poll(() => tasks.innerText()).toMatch(/failed\s+1\s+t2\s+.*in progress\s+1\s+t1/s);
  expect(await page.getByRole("region", { name: /^Agents/ }).innerText()).toMatch(/idle[\s\S]*a1\s+model small/);
  await expectOnlyText(page);
  await publish("swarm/tasks/t1", { status: "completed" });
  await expect.poll(() => tasks.innerText()).toMatch(/completed\s+1\s+t1/);
  await publish("swarm/tasks/t2", null);
  await expect.poll(() => tasks.innerText()).not.toContain("t2");
  await page.getByLabel("Name").fill("t1");
  await expect.poll(() => main(page)).toContain("No agent is called “t1”");
  expect(page.url()).toContain("search=t1");
  expect(faults).toEqual([]);
});
