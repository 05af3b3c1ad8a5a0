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

/** Has each role do its worst. */
async function attack(url: string, seconds: number): Promise<Record<string, unknown>> {
  const entries = ["viewer", "publisher", "operator"].map(async (role) => {
    const bad = await token({ sub: `bad ${role}`, roles: [role, ...(role === "operator" ? ["viewer"] : [])] });
    const child = spawn(process.execPath, [attacker, url, role, bad, String(seconds)]);
    tie(child);
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
    });
    child.stderr.pipe(process.stderr);
    await once(child, "close");
    return [role, JSON.parse(said)];
  });
  return Object.fromEntries(await Promise.all(entries));
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

test(`What a viewer, a publisher and an operator do within their limits for ${loadSeconds} s costs others little, and no memory`, async () => {
  await using gateway = await LoadedGateway.start();
  const { url } = gateway;
  const good = await token({ sub: "good" });
  await fill(gateway, good);
  const warmUp = attack(url, warmUpSeconds);
  const warm: number[] = [];
  for (let i = 0; i < warmUpSeconds * 2; i++) {
    await wait(500);
    warm.push(gateway.rssMB);
  }
  await warmUp;
  const before = Math.max(...warm);
  const calm = await watch({ url, token: good, name: "calm", seconds: loadSeconds / 2 });
  const samples: number[] = [];
  const sampling = setInterval(() => samples.push(gateway.rssMB), 250);
  const [answers, loaded] = await Promise.all([
    attack(url, loadSeconds),
    watch({ url, token: good, name: "loaded", seconds: loadSeconds }),
  ]);
  clearInterval(sampling);
  await gateway.holdings();
  await wait(2000);
  await gateway.holdings();
  const [peak, after] = [Math.max(...samples), gateway.rssMB];
  const rss = Object.fromEntries(Object.entries({ before, peak, after }).map(([name, mb]) => [name, Math.round(mb)]));
  console.log(
    JSON.stringify({ rss, calm, loaded, answers, curve: samples.filter((_, i) => i % 8 === 0).map(Math.round) }),
  );
  expect(loaded.short).toBe(0);
  expect(peak - before).toBeLessThan(64);
  expect(after).toBeLessThan(before);
  expect(loaded.p99Ms).toBeLessThan(2 * calm.p99Ms);
  expect(gateway.complaints).toBe("");
});
