import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bus, startBus } from "./bus.ts";
import type { Children } from "./children.ts";
import { Clock, sleep } from "./clock.ts";
import { counted, type Figures, latencies, throughput } from "./figures.ts";
import { Fleet } from "./fleet.ts";
import { cpuUs, rssBytes } from "./measure.ts";
import { publishAtOnce, publishSteadily } from "./pace.ts";
import type { Rival, Running } from "./rivals/rival.ts";
import type { Scenario } from "./scenario.ts";
import { openStalled } from "./stalled.ts";
import type { Transport } from "./subscriber.ts";

/** One server, one transport, one scenario. */
export interface Job {
  readonly scenario: Scenario;
  readonly rival: Rival;
  readonly transport: Transport;
  /** Bytes of one frame as published. */
  readonly bytes: number;
  readonly publish: "nats" | "http";
  /** Where the run may keep files; what it keeps is gone afterwards. */
  readonly directory: string;
  /** Longest time to wait for the last frame after the last publish. */
  readonly limitMs: number;
  /** How many more clients stop reading after their first bytes. */
  readonly stalled: number;
}

interface Scene {
  readonly job: Job;
  readonly running: Running;
  readonly children: Children;
  readonly clock: Clock;
  readonly origin: bigint;
  readonly bus: Bus | undefined;
}

const settleMs = 500;
const idleSettleMs = 3_000;
const warmSeconds = 2;

/** Runs one job from nothing to nothing: whatever it starts has ended when it returns. */
export async function run(job: Job, children: Children): Promise<Figures> {
  const directory = await mkdtemp(join(job.directory, "run-"));
  let bus: Bus | undefined;
  const startedBus = async () => (bus ??= await startBus(children, directory));
  try {
    const running = await job.rival.start({ children, directory, publish: job.publish, bus: startedBus });
    const origin = process.hrtime.bigint();
    const scene = { job, running, children, clock: new Clock(origin), origin, bus };
    return job.scenario.pace === "none" ? await idle(scene) : await traffic(scene);
  } finally {
    await children.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function idle(scene: Scene): Promise<Figures> {
  const { pid } = scene.running.program;
  const { clients } = scene.job.scenario;
  const before = rssBytes(pid);
  const fleet = await openFleet(scene, 0, 0);
  await sleep(idleSettleMs);
  const after = rssBytes(pid);
  const report = await fleet.report();
  return { ...counted(report, "complete", after), rssKbPerConnection: (after - before) / clients / 1024 };
}

async function traffic(scene: Scene): Promise<Figures> {
  const { job, running, clock, bus } = scene;
  const { pace, rate, seconds, frames } = job.scenario;
  const warm = rate * warmSeconds;
  const total = warm + (pace === "flood" ? frames : rate * seconds);
  const fleet = await openFleet(scene, total, warm);
  const stalled = await openStalled(running.dialect(job.transport), job.stalled);
  const publisher = await running.publisher();
  const script = { publisher, clock, rate, bytes: job.bytes };
  await sleep(settleMs);
  await publishSteadily(script, { from: 0, to: warm });
  await sleep(settleMs);

  const [server, upstream, startUs] = [cpuUs(running.program.pid), bus ? cpuUs(bus.program.pid) : 0, clock.now()];
  const publishAll = pace === "flood" ? publishAtOnce : publishSteadily;
  await publishAll(script, { from: warm, to: total });
  const outcome = await fleet.settled(job.limitMs, () => cpuUs(running.program.pid));
  if (running.program.ended) throw new Error(running.program.ended);
  const [serverUs, busUs] = [cpuUs(running.program.pid) - server, bus ? cpuUs(bus.program.pid) - upstream : 0];
  const rss = rssBytes(running.program.pid);
  const report = await fleet.report();
  for (const socket of stalled) socket.destroy();
  await publisher.close();
  const counts = { ...counted(report, outcome, rss), busCpuMs: busUs / 1000 };
  return { ...counts, ...latencies(report), ...throughput(report, { startUs, serverUs }) };
}

function openFleet({ job, running, children, origin }: Scene, total: number, warm: number): Promise<Fleet> {
  const { clients, perProcess } = job.scenario;
  const assignment = { dialect: running.dialect(job.transport), clients, total, warm, origin };
  return Fleet.open(children, assignment, perProcess);
}
