import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { describe, expect, test } from "vitest";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { rest } from "../support/rest.ts";
import { bearer, token } from "../support/tokens.ts";
import { filesIn, type House, processTexts, startHouse } from "./secrecy-house.ts";
import { garbage, Planting, plantEverywhere, plantInBand, plantInBodies } from "./secrecy-planting.ts";

const others = new TextEncoder().encode("another secret of forty bytes, not ours!");
const now = () => Math.floor(Date.now() / 1000);

interface Credentials {
  readonly good: string;
  readonly bad: readonly string[];
}

/** Tokens that count, have expired, are revoked, are somebody else's, and are none. */
async function credentialsOf(planting: Planting, url: string): Promise<Credentials> {
  const [good, revoked] = [await planting.token(), await planting.token({ jti: "revoked-one" })];
  const { status } = await rest(url, "POST revocations", { jti: "revoked-one" }, bearer(good));
  expect(status).toBe(204);
  const expired = await planting.token({ exp: now() - 100 });
  const early = await planting.token({ nbf: now() + 1000 });
  const foreign = planting.plant(await token({}, others));
  const none = garbage().map((text) => planting.plant(text));
  return { good, bad: [revoked, expired, early, foreign, ...none] };
}

/** Tickets: for another stream, used twice, and none. */
async function plantTickets(planting: Planting, good: string): Promise<void> {
  const ticket = await planting.ticket(good, "instances");
  for (const path of [
    "/poll/messages",
    "/api/instances",
    "/session",
    "/sse/nope",
    "/poll/instances",
    "/poll/instances",
  ])
    await planting.ask({ path: `${path}?ticket=${ticket}` });
  for (const path of ["/ws/instances", "/ws/messages"]) await planting.ask({ path: `${path}?ticket=${ticket}` }, "ws");
  const forged = planting.plant(`YWNtZQ.${garbage()[1]}AAAAAAAAAAA`);
  await planting.ask({ path: `/poll/instances?ticket=${forged}` });
}

/** A connection whose token ends while it is open. */
async function outlive(planting: Planting): Promise<void> {
  const asked = await planting.ask({ path: "/poll/messages?wait=20", headers: bearer(await planting.token()) });
  // A poll that has something to say is answered at once; the next one is held until the token ends.
  const since = /^skein-cursor\n(.+)$/im.exec(asked.bytes)?.[1] ?? "";
  const short = await planting.token({ exp: Date.now() / 1000 + 5 });
  const held = await planting.ask({ path: `/poll/messages?wait=20&since=${since}`, headers: bearer(short) });
  expect(held.code).toBe("token_expired");
}

/** Lets an instance tell what it was started with; gives that, and what the system says of its process. */
async function textsOfInstance({ url, data }: House, good: string): Promise<string[]> {
  const ask = (what: string, body?: unknown) => rest(url, what, body, bearer(good));
  expect(await ask("POST instances", { name: "tell", template: "teller" })).toMatchObject({ status: 201 });
  await ask("POST instances/tell/start");
  const told = () => filesIn(data).join();
  await expect.poll(told, { timeout: 10_000 }).toContain("sleep 100");
  const { body } = await ask("GET instances/tell");
  const { pid } = body as { pid: number };
  const texts = [told(), ...processTexts(pid)];
  expect(texts.join()).toContain("PATH=");
  await ask("POST instances/tell/stop");
  await expect
    .poll(async () => (await ask("GET instances/tell")).body, { timeout: 10_000 })
    .toMatchObject({ status: "stopped" });
  return texts;
}

/** Commands that show a token by a file and by the environment; gives all that they print. */
async function textsOfCommands(house: House, { good, bad }: Credentials): Promise<string[]> {
  const file = join(house.folder, "token");
  writeFileSync(file, bad[0] ?? "");
  const ran = await Promise.all([
    house.said(["ps"], { env: { SKEIN_TOKEN: good } }),
    house.said(["ps", "--token-file", file]),
    house.said(["listen", "instances"], { env: { SKEIN_TOKEN: bad.at(-2) ?? "" } }),
    house.said(["logs", "tell"], { env: { SKEIN_TOKEN: bad.at(-1) ?? "" } }),
    house.said(["ps", "--token", good]),
    house.said(["revoke", "--file", file], { env: { SKEIN_TOKEN: good } }),
  ]);
  expect(ran.map(({ code }) => code)).toEqual([0, 1, 1, 1, 1, 0]);
  return ran.flatMap(({ stdout, stderr }) => [stdout, stderr]);
}

/** Plants all there is; gives what instances tell, which is not among the answers. */
async function plantAll(house: House, planting: Planting, { good, bad }: Credentials): Promise<string[]> {
  const plantOne = async (shown: string) => {
    await plantEverywhere(planting, shown);
    await plantInBodies(planting, shown);
    await plantInBand(planting, good, shown);
  };
  // Whoever hears all that is said on a bus has some wait for answers that nobody else would give.
  const planted = [good, ...bad].map(plantOne);
  const others = [plantTickets(planting, good), outlive(planting)];
  const [told] = await Promise.all([textsOfInstance(house, good), ...planted, ...others]);
  const metrics = await planting.ask({ path: "/metrics", headers: bearer(good) });
  expect(metrics.status).toBe(200);
  return told;
}

async function leave({ run }: House): Promise<string[]> {
  run.signal("SIGTERM");
  await run.exit;
  return [run.stdout, run.stderr];
}

describe("A token is found nowhere but where it was shown,", () => {
  test("on the embedded bus: in no answer, no metric, no file, no line of a process, and in no instance", async () => {
    const environment = garbage().map((text) => `${text}.${text}.${text}`);
    const [SKEIN_TOKEN = ""] = environment;
    await using house = await startHouse([], { SKEIN_TOKEN });
    const planting = new Planting(house.url);
    planting.plant(SKEIN_TOKEN);
    const credentials = await credentialsOf(planting, house.url);
    const texts = await plantAll(house, planting, credentials);
    texts.push(...(await textsOfCommands(house, credentials)));
    texts.push(...planting.answers, ...filesIn(house.data), ...(await leave(house)), ...filesIn(house.data));
    expect(planting.count).toBeGreaterThan(500);
    expect(planting.foundIn(texts)).toEqual([]);
  });

  test("on NATS: neither in anything that is said or kept there, nor in anything said while it is away", async () => {
    const dir = mkdtempSync(join(tmpdir(), "skein-nats-"));
    const server = await startNatsServer({ dir });
    try {
      const heard = await hear(server);
      await using house = await startHouse(["--nats", server.url], {});
      const planting = new Planting(house.url);
      const texts = await plantAll(house, planting, await credentialsOf(planting, house.url));
      const bus = await heard();
      expect(bus.length).toBeGreaterThan(20);
      await server.kill();
      const late = [await planting.token(), ...garbage().map((text) => planting.plant(text))];
      for (const shown of late) {
        await plantEverywhere(planting, shown);
        const publish = { path: "/api/publish/runs/r1", method: "POST", headers: bearer(shown) };
        for (const body of ['{"type":"boot"}', '{"type":']) await planting.ask({ ...publish, body });
      }
      texts.push(...planting.answers, ...filesIn(house.data), ...filesIn(dir), ...bus, ...(await leave(house)));
      expect(planting.answers.join()).toContain("bus_away");
      expect(planting.foundIn(texts)).toEqual([]);
    } finally {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

/** Listens to everything on a bus; what is given tells of all of it. */
async function hear(server: NatsServer): Promise<() => Promise<string[]>> {
  const connection = await connect({ servers: server.url });
  const heard: string[] = [];
  connection.subscribe(">", {
    callback: (_trouble, { subject, headers, data }) => {
      heard.push(`${subject} ${headers?.toString() ?? ""} ${Buffer.from(data).toString("latin1")}`);
    },
  });
  await connection.flush();
  return async () => {
    await connection.flush();
    await connection.close();
    return heard;
  };
}
