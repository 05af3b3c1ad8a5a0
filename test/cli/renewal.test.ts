import { renameSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transports } from "../support/client.ts";
import { type Run, startSkein } from "../support/process.ts";
import { type EnforcedGateway, startEnforced } from "./enforced.ts";

let gateway: EnforcedGateway;
beforeAll(async () => {
  gateway = await startEnforced();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The numbers of the events that were printed. */
function numbers(run: Run): number[] {
  return run.lines.flatMap((line) => JSON.parse(line).n ?? []);
}

function tell(run: string, n: number): Promise<void> {
  return gateway.publish(`runs/${run}`, { type: "task_end", n });
}

/** Puts another token into a file, as whoever renews tokens does: at once. */
function replace(file: string, token: string): void {
  writeFileSync(`${file}.new`, token);
  renameSync(`${file}.new`, file);
}

/** The moment so many seconds from now, in seconds since 1970. */
function inSeconds(seconds: number): number {
  return Math.ceil(Date.now() / 1000) + seconds;
}

async function revoke(what: object): Promise<void> {
  const authorization = `Bearer ${await gateway.token({ sub: "operator" })}`;
  const headers = { authorization, "content-type": "application/json" };
  const body = JSON.stringify(what);
  const { status } = await fetch(`${gateway.url}/api/revocations`, { method: "POST", headers, body });
  expect(status).toBe(204);
}

describe.each(transports)("A listener over %s", (transport) => {
  const listen = (stream: string, file: string) =>
    gateway.start(["listen", stream, "-t", transport, "--token-file", file]);

  test.skipIf(transport === "poll")(
    "goes on with the newer token in its file, on the same connection, when the old one is about to end",
    async () => {
      const id = `renewed-${transport}`;
      const file = await gateway.tokenFile({ jti: `old-${transport}`, exp: inSeconds(61) });
      await using run = listen(`runs/${id}`, file);
      await tell(id, 1);
      await run.until(({ stderr }) => stderr.includes(`put a newer one into ${file} to go on`));
      replace(file, await gateway.token({ jti: `new-${transport}` }));
      await run.until(({ stderr }) => /the new token is taken and counts until 2\S+Z\n/.test(stderr));
      await revoke({ jti: `old-${transport}` });
      await tell(id, 2);
      await run.until(() => numbers(run).length === 2);
      expect(run.stderr).not.toContain("again in");
      await revoke({ jti: `new-${transport}` });
      expect(await run.exit).toMatchObject({ code: 1 });
      expect(run.stderr).toMatch(/skein: Refused: The token was revoked.*; get a new one with: skein token\n$/);
      expect(numbers(run)).toEqual([1, 2]);
      expect(run.stdout).not.toMatch(/token|authenticated/);
    },
  );

  test("goes on with another token that is in its file when the one it has counts no more, and misses nothing", async () => {
    const id = `replaced-${transport}`;
    const file = await gateway.tokenFile({ jti: `first-${transport}` });
    await using run = listen(`runs/${id}`, file);
    await tell(id, 1);
    await run.until(() => numbers(run).length === 1);
    replace(file, await gateway.token({ jti: `second-${transport}` }));
    await revoke({ jti: `first-${transport}` });
    await tell(id, 2);
    await tell(id, 3);
    await run.until(() => numbers(run).length === 3);
    expect(numbers(run)).toEqual([1, 2, 3]);
  });

  test("ends with its token when the file has no other, and says what to do", async () => {
    const id = `ended-${transport}`;
    const file = await gateway.tokenFile({ sub: "brief", exp: inSeconds(2) });
    await using run = listen(`runs/${id}`, file);
    await tell(id, 1);
    await run.until(() => numbers(run).length === 1);
    if (transport === "poll") await revoke({ sub: "brief" });
    expect(await run.exit).toEqual({ code: 1, signal: null });
    expect(run.stderr).toMatch(/skein: Refused: .*; get a new one with: skein token\n$/);
  });
});

test("A listener reads its file anew for each connection, over every transport", async () => {
  await using mortal = await startEnforced();
  const files = await Promise.all(transports.map(() => mortal.tokenFile({ jti: "first" })));
  const runs = transports.map((transport, at) =>
    mortal.start(["listen", "instances", "-t", transport, "--token-file", files[at] ?? ""]),
  );
  await Promise.all(runs.map((run) => run.until(({ lines }) => lines.length === 1)));
  await mortal.run.kill();
  await Promise.all(runs.map((run) => run.until(({ stderr }) => stderr.includes("again in"))));
  for (const file of files) replace(file, await mortal.token({ jti: "second", exp: 1_700_000_000 }));
  await using _again = await startSkein(["--auth", "enforced", "--data", mortal.data, "--port", String(mortal.port)]);
  for (const run of runs) {
    expect(await run.exit).toMatchObject({ code: 1 });
    expect(run.stderr).toContain("expired");
  }
});

test("A token that is in no file is said to end, and cannot be renewed", async () => {
  const env = { SKEIN_TOKEN: await gateway.token({ exp: inSeconds(3) }) };
  await using run = gateway.start(["ps", "-w"], { env });
  expect(await run.exit).toEqual({ code: 1, signal: null });
  expect(run.stderr).toMatch(
    /^skein: the token ends at 2\S+Z; with --token-file it could be renewed\nskein: Refused: /,
  );
});

test("skein logs -f goes on with another token", async () => {
  const file = await gateway.tokenFile({ jti: "logs-first" });
  await gateway.publish("instances/quiet", { status: "running" });
  await using run = gateway.start(["logs", "quiet", "-f", "--json", "--token-file", file]);
  await run.until(({ lines }) => lines.length === 1);
  replace(file, await gateway.token());
  await revoke({ jti: "logs-first" });
  await run.until(({ stderr }) => stderr.includes(`going on with the new token in ${file}`));
});

test("skein inbox -f goes on with another token, and acknowledges with it", async () => {
  const file = await gateway.tokenFile({ jti: "inbox-first" });
  await using run = gateway.start(["inbox", "ben", "-f", "--ack", "--json", "--token-file", file]);
  const send = async (payload: number) => {
    const headers = { authorization: `Bearer ${await gateway.token()}`, "content-type": "application/json" };
    const body = JSON.stringify({ from: "ann", to: "ben", message_type: "t", payload });
    expect((await fetch(`${gateway.url}/api/messages`, { method: "POST", headers, body })).ok).toBe(true);
  };
  await send(1);
  await run.until(({ lines }) => lines.length === 1);
  replace(file, await gateway.token());
  await revoke({ jti: "inbox-first" });
  await send(2);
  await run.until(({ lines }) => lines.length >= 2);
  expect(run.lines.map((line) => JSON.parse(line).payload)).toContain(2);
});
