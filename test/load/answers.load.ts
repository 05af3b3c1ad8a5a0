import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tie } from "../support/process.ts";
import { bearer, token } from "../support/tokens.ts";
import { bodyBytes, rows } from "./largest.ts";
import { LoadedGateway, loadSeconds } from "./loaded-gateway.ts";
import { watch } from "./ordinary.ts";

const attacker = fileURLToPath(new URL("attacker.process.ts", import.meta.url));
const warmUpSeconds = 15;

const roles = ["viewer", "publisher", "operator"] as const;

/** Has one role do its worst; what it was answered, by status. */
async function attack(url: string, role: (typeof roles)[number], seconds: number): Promise<Record<string, number>> {
  const bad = await token({ sub: `bad ${role}`, roles: [role, ...(role === "operator" ? ["viewer"] : [])] });
  const child = spawn(process.execPath, [attacker, url, role, bad, String(seconds)]);
  tie(child);
  let said = "";
  child.stdout.on("data", (data) => {
    said += data;
  });
  child.stderr.pipe(process.stderr);
  await once(child, "close");
  return JSON.parse(said);
}

/** Fills the table and a log with as much as they can show. */
async function fill({ url, folder }: LoadedGateway, good: string): Promise<void> {
  const post = async (tail: string, body: object) => {
    const headers = { ...bearer(good), "x-forwarded-for": "10.0.0.2" };
    for (;;) {
      const answer = await fetch(`${url}/api/publish/${tail}`, { method: "POST", body: JSON.stringify(body), headers });
      await answer.body?.cancel();
      if (answer.status === 201) return;
      expect(answer.status).toBe(429);
      await wait(500);
    }
  };
  for (let n = 0; n < rows; n++) await post(`swarm/tasks/t${n}`, { status: "new", filler: "x".repeat(bodyBytes) });
  for (let n = 0; n < 2000; n++) await post(`instances/i${n}`, { status: "running", note: "x".repeat(400) });
  await post("instances/big", { status: "running" });
  const line = `${"x".repeat(1023)}\n`;
  appendFileSync(join(folder, "big.log"), line.repeat(32 * 1024));
}

test(`What a viewer, a publisher or an operator does within its limits for ${loadSeconds} s leaves nothing in memory, and costs others no frame`, async () => {
  await using gateway = await LoadedGateway.start();
  await using other = await LoadedGateway.start();
  const { url } = gateway;
  const good = await token({ sub: "good" });
  for (const one of [gateway, other]) await fill(one, good);
  const [warm, warmUps] = [sampled(gateway), roles.map((role) => attack(url, role, warmUpSeconds))];
  await Promise.all(warmUps);
  // The warm-up has all three at once, with what the limits let through in a burst: what comes later must not be more.
  const before = Math.max(...warm.stop());
  for (const role of roles) {
    const phase = (name: string, seconds: number) => watch({ url, token: good, name: `${role}-${name}`, seconds });
    // What the load takes of the machine's processors by itself is the same when it goes to another gateway.
    const [beside] = await Promise.all([phase("beside", loadSeconds / 2), attack(other.url, role, loadSeconds / 2)]);
    const samples = sampled(gateway);
    const [under, answers] = await Promise.all([phase("under", loadSeconds), attack(url, role, loadSeconds)]);
    const peak = Math.max(...samples.stop());
    await gateway.holdings();
    await wait(2000);
    await gateway.holdings();
    const after = gateway.rssMB;
    const rss = Object.entries({ before, peak, after }).map(([name, mb]) => `${name} ${Math.round(mb)}`);
    console.log(JSON.stringify({ role, rss: rss.join(", "), beside, under, answers }));
    expect([beside.short, under.short]).toEqual([0, 0]);
    expect(peak - before).toBeLessThan(64);
    expect(after).toBeLessThan(before + 8);
  }
  expect(gateway.complaints).toBe("");
});

/** The resident set of a gateway four times a second, in MB, until it is stopped. */
function sampled(gateway: LoadedGateway): { stop(): readonly number[] } {
  const samples = [gateway.rssMB];
  const sampling = setInterval(() => samples.push(gateway.rssMB), 250);
  return {
    stop() {
      clearInterval(sampling);
      return samples;
    },
  };
}
