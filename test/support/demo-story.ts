/** Something that is told in the demo world: where, what, and how many seconds before its present. */
export interface Told {
  readonly tail: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly agoS: number;
}

/** The present of the demo world. */
export const storyMs = Date.UTC(2026, 5, 1, 9, 41);

const isoAgo = (agoS: number) => new Date(storyMs - agoS * 1000).toISOString();
const told = (agoS: number, tail: string, body: Readonly<Record<string, unknown>>): Told => ({ agoS, tail, body });

const hour = 3600;
const day = 24 * hour;

interface Machine {
  readonly status: string;
  readonly port?: number;
  readonly pid?: number;
  readonly node?: string;
  readonly template?: string;
  readonly ageS?: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

const machines: Readonly<Record<string, Machine>> = {
  "planner-1": { status: "running", port: 18800, pid: 4101, ageS: 6 * day },
  "coder-1": { status: "running", port: 18801, pid: 4120, ageS: 6 * day, more: { model: "large" } },
  "coder-2": { status: "running", port: 18802, pid: 4133, ageS: 3 * day, more: { model: "large" } },
  "coder-3": { status: "starting", port: 18803, pid: 9022, ageS: 40 },
  "reviewer-1": { status: "running", port: 18804, pid: 4188, ageS: 3 * day },
  "tester-1": { status: "failed", ageS: 2 * day, more: { exit_code: 1, restarts: 3 } },
  "tester-2": { status: "stopping", port: 18806, pid: 5577, ageS: 2 * day },
  "scout-1": { status: "running", port: 18900, pid: 7102, node: "boreas", template: "scout", ageS: 5 * hour },
  "scout-2": { status: "running", port: 18901, pid: 7110, node: "boreas", template: "scout", ageS: 5 * hour },
  "scout-3": { status: "unknown", port: 18700, pid: 812, node: "edge-1", template: "scout", ageS: 9 * day },
  "writer-1": { status: "stopped", ageS: day, more: { exit_code: 0 } },
  "archivist-0": { status: "stopped", ageS: 30 * day, more: { exit_code: 0, archived_at: isoAgo(3 * day) } },
};

const fleet: readonly Told[] = Object.entries(machines).map(([name, one]) => {
  const { status, port = null, pid = null, node = "atlas", template = "agent", ageS = day, more } = one;
  const params = { model: "small", home: `/srv/${name}` };
  const fixed = { archived_at: null, created_at: isoAgo(ageS), exit_code: null, restarts: 0 };
  return told(30, `instances.${name}`, { status, port, pid, node, template, params, ...fixed, ...more });
});

type Passing = readonly [agoS: number, event: string, from: string, to: string, type: string, detail?: string];

const chain: readonly Passing[] = [
  [412, "sent", "planner-1", "coder-1", "task.assign"],
  [411, "delivered", "planner-1", "coder-1", "task.assign"],
  [408, "acknowledged", "planner-1", "coder-1", "task.assign", "on it"],
  [230, "sent", "coder-1", "reviewer-1", "review.request"],
  [229, "delivered", "coder-1", "reviewer-1", "review.request"],
  [171, "acknowledged", "coder-1", "reviewer-1", "review.request", "two remarks"],
  [170, "sent", "reviewer-1", "coder-1", "review.remarks"],
  [169, "delivered", "reviewer-1", "coder-1", "review.remarks"],
  [166, "acknowledged", "reviewer-1", "coder-1", "review.remarks"],
  [95, "sent", "coder-1", "tester-1", "test.request"],
  [94, "delivered", "coder-1", "tester-1", "test.request"],
  [64, "delivered", "coder-1", "tester-1", "test.request", "delivery 2"],
  [34, "failed", "coder-1", "tester-1", "test.request", "not acknowledged in time"],
  [31, "sent", "coder-1", "planner-1", "task.blocked"],
  [30, "delivered", "coder-1", "planner-1", "task.blocked"],
];

const chatter: readonly Passing[] = [
  [300, "sent", "scout-1", "planner-1", "finding.report"],
  [299, "delivered", "scout-1", "planner-1", "finding.report"],
  [297, "acknowledged", "scout-1", "planner-1", "finding.report"],
  [140, "sent", "scout-2", "planner-1", "finding.report"],
  [139, "delivered", "scout-2", "planner-1", "finding.report"],
  [12, "sent", "planner-1", "writer-1", "summary.request"],
];

const events = (passing: readonly Passing[], correlation_id?: string): Told[] =>
  passing.map(([agoS, event, from, to, message_type, detail]) => {
    const chained = correlation_id === undefined ? {} : { correlation_id };
    const body = { event, from, to, message_type, detail: detail ?? null, timestamp: isoAgo(agoS), ...chained };
    return told(agoS, `messages.${from}-${to}-${message_type.replace(".", "-")}`, body);
  });

const run = "checkout-redesign";
const steps: readonly (readonly [agoS: number, body: Readonly<Record<string, unknown>>])[] = [
  [540, { type: "boot", name: "Redesign the checkout" }],
  [536, { type: "agent_start", agent_id: "planner" }],
  [535, { type: "task_start", task_id: "plan", agent_id: "planner", name: "Write the plan" }],
  [470, { type: "task_end", task_id: "plan", agent_id: "planner", status: "success", duration_s: 65 }],
  [468, { type: "task_start", task_id: "split", agent_id: "planner", name: "Split it into tasks" }],
  [432, { type: "task_end", task_id: "split", agent_id: "planner", status: "success", duration_s: 36 }],
  [430, { type: "agent_end", agent_id: "planner", status: "success", duration_s: 106 }],
  [428, { type: "agent_start", agent_id: "coder" }],
  [427, { type: "task_start", task_id: "cart", agent_id: "coder", name: "Cart as a component" }],
  [310, { type: "task_end", task_id: "cart", agent_id: "coder", status: "success", duration_s: 117 }],
  [308, { type: "task_start", task_id: "pay", agent_id: "coder", name: "Payment form" }],
  [300, { type: "agent_start", agent_id: "reviewer" }],
  [298, { type: "task_start", task_id: "review-cart", agent_id: "reviewer", name: "Review the cart" }],
  [236, { type: "task_end", task_id: "review-cart", agent_id: "reviewer", status: "success", duration_s: 62 }],
  [234, { type: "agent_end", agent_id: "reviewer", status: "success", duration_s: 66 }],
  [180, { type: "task_end", task_id: "pay", agent_id: "coder", status: "failed", duration_s: 128 }],
  [180, { type: "error", task_id: "pay", agent_id: "coder", message: "The payment sandbox answered 503" }],
  [172, { type: "task_start", task_id: "pay-2", agent_id: "coder", name: "Payment form, again" }],
  [168, { type: "agent_start", agent_id: "tester" }],
  [166, { type: "task_start", task_id: "e2e", agent_id: "tester", name: "End-to-end tests" }],
];

const runs = steps.map(([agoS, body]) =>
  told(agoS, `runs.${run}`, { ...body, crew_id: "payments", timestamp: isoAgo(agoS) }),
);

const crews: readonly Told[] = [
  told(20, "mission.payments", { status: "busy", lead: "planner-1" }),
  told(20, "mission.search", { status: "available", lead: "scout-1" }),
  told(20, "mission.docs", { status: "available", lead: "writer-1" }),
  told(600, "mission.legacy", { status: "offline" }),
];

const call = (agoS: number, body: Readonly<Record<string, unknown>>) =>
  told(agoS, "graph.payments", { run_id: run, timestamp: isoAgo(agoS), ...body });

/** The tools in use. */
const tools: readonly Told[] = [
  call(80, { type: "tool_start", agent_id: "coder", tool: "edit_file", call_id: "k2", params: { path: "src/pay.ts" } }),
  call(75, {
    type: "tool_start",
    agent_id: "tester",
    tool: "playwright",
    call_id: "k3",
    params: { project: "chromium" },
  }),
  call(50, { type: "tool_start", agent_id: "reviewer", tool: "web_search", call_id: "k4", params: { q: "PSD2" } }),
  call(20, { type: "tool_start", agent_id: "planner", tool: "think", call_id: "k5" }),
];

/** How it goes on with them; only who is there hears of progress. */
export const toolNews: readonly Told[] = [
  call(12, {
    type: "tool_progress",
    agent_id: "tester",
    tool: "playwright",
    call_id: "k3",
    message: "41 of 63 passed",
    progress: 0.65,
  }),
  call(9, {
    type: "tool_start",
    agent_id: "scout",
    tool: "git_clone",
    call_id: "k6",
    params: { url: "https://git.example.com/shop.git" },
  }),
  call(4, {
    type: "tool_end",
    agent_id: "scout",
    tool: "git_clone",
    call_id: "k6",
    status: "success",
    duration_s: 5.2,
    exit_code: 0,
  }),
  call(2, {
    type: "tool_end",
    agent_id: "reviewer",
    tool: "web_search",
    call_id: "k4",
    status: "error",
    duration_s: 48,
    reason: "timeout",
  }),
];

const step = (agoS: number, task_id: string, data: Readonly<Record<string, unknown>>) =>
  told(agoS, "tasks.coder-1", { type: "execution_step", task_id, data });
const update = (agoS: number, task_id: string, data: Readonly<Record<string, unknown>>) =>
  told(agoS, "tasks.coder-1", { type: "task_update", task_id, data: { timestamp: isoAgo(agoS), ...data } });

/** What tasks are doing; those that are over are told to nobody who comes later, so it is told to who is there. */
export const tasks: readonly Told[] = [
  update(420, "plan-cart", { status: "COMPLETED", progress: 100, message: "Cart as a component" }),
  step(170, "pay-form", {
    step_id: "s1",
    agent: "coder",
    action: "Read the API of the sandbox",
    status: "completed",
    started_at: isoAgo(170),
    completed_at: isoAgo(120),
  }),
  step(118, "pay-form", {
    step_id: "s2",
    agent: "coder",
    action: "Write the form",
    status: "completed",
    started_at: isoAgo(118),
    completed_at: isoAgo(40),
  }),
  step(40, "pay-form", {
    step_id: "s3",
    agent: "coder",
    action: "Handle a refused card",
    status: "running",
    started_at: isoAgo(40),
  }),
  update(38, "pay-form", { status: "IN_PROGRESS", progress: 65, message: "Payment form: handling a refused card" }),
  update(36, "address-form", { status: "IN_PROGRESS", progress: 20, message: "Address form: reading the old one" }),
  update(35, "receipt", { status: "QUEUED", progress: 0, message: "Receipt by mail" }),
  update(34, "coupons", { status: "SUBMITTED", message: "Coupons" }),
  update(10, "old-cart", {
    status: "FAILED",
    progress: 40,
    message: "Remove the old cart: it is still linked from the app",
  }),
];

/** Campaigns, their agents and what they found; it is told to who is there. */
export const campaigns: readonly Told[] = [
  told(60, "attacks.a1", {
    type: "attack.progress",
    campaign_id: 7,
    name: "Rockyou with rules",
    state: "running",
    progress: 72.5,
  }),
  told(58, "jobs.j1", {
    type: "job.progress",
    campaign_id: 7,
    attack_id: "a1",
    name: "Keyspace 0 – 40 %",
    state: "completed",
    progress: 100,
  }),
  told(57, "jobs.j2", {
    type: "job.progress",
    campaign_id: 7,
    attack_id: "a1",
    name: "Keyspace 40 – 80 %",
    state: "running",
    progress: 81,
  }),
  told(56, "jobs.j3", {
    type: "job.progress",
    campaign_id: 7,
    attack_id: "a1",
    name: "Keyspace 80 – 100 %",
    state: "pending",
    progress: 0,
  }),
  told(55, "attacks.a2", {
    type: "attack.progress",
    campaign_id: 7,
    name: "Mask ?u?l?l?l?d?d",
    state: "pending",
    progress: 0,
  }),
  told(54, "attacks.a3", {
    type: "attack.progress",
    campaign_id: 9,
    name: "Company wordlist",
    state: "failed",
    progress: 12,
  }),
  told(50, "agents.rig-1", { type: "agent.heartbeat", name: "rig-1", state: "active" }),
  told(49, "agents.rig-2", { type: "agent.heartbeat", name: "rig-2", state: "active" }),
  told(48, "agents.rig-3", { type: "agent.error", name: "rig-3", state: "error", message: "GPU 2 is too hot: 94 °C" }),
  told(20, "cracks.c1", { type: "crack.submitted", campaign_id: "7", hash_type: "NTLM", count: 12 }),
  told(8, "cracks.c2", { type: "crack.submitted", campaign_id: "7", hash_type: "NTLM", count: 1 }),
];

const swarm: readonly Told[] = [
  ...(["orion:busy", "lyra:idle", "vega:busy", "altair:offline"] as const).map((one) => {
    const [name, status] = one.split(":");
    return told(30, `swarm.agents.${name}`, { status });
  }),
  ...(["index:completed", "crawl:running", "rank:pending"] as const).map((one) => {
    const [name, status] = one.split(":");
    return told(30, `swarm.tasks.${name}`, { status });
  }),
];

/** All that was told before anybody looked, the oldest first. */
export const story: readonly Told[] = [
  ...fleet,
  ...events(chain, "order-7741"),
  ...events(chatter),
  ...runs,
  ...crews,
  ...tools,
  ...swarm,
].toSorted((a, b) => b.agoS - a.agoS);
