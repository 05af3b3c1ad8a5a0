import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { layoutFor, writeLayout } from "../../src/cli/nats-layout.ts";
import { onOneAccount } from "../bus/one-account.ts";
import { stateOf } from "../bus/recorder.ts";
import { makeStreams, readStates } from "../bus/stream-states.ts";
import { Visitor } from "../bus/visitor.ts";
import { startGateway } from "../support/gateway.ts";
import { confFor, type LockedNats, productionConf, startLockedNats } from "../support/locked-nats.ts";
import { makeFolder, skein } from "../support/process.ts";
import { refusal } from "./in-process.ts";

const orgs = ["--org", "acme", "--org", "beta"];
const flags = { org: ["acme", "beta"] };
const run = (...args: string[]) => skein(["nats-config", ...args]);

describe("skein nats-config", () => {
  test("prints the configuration of the repository for the org acme and the agent planner", async () => {
    const { stdout, stderr, code } = await run("--org", "acme", "--agent", "acme/planner");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(productionConf);
  });

  test("writes it to a folder, for as many orgs as are named", async () => {
    using folder = makeFolder();
    const out = join(folder.path, "nats");
    const { stdout } = await run(...orgs, "--out", out);
    expect(stdout).toContain(`wrote ${out}/nats.conf`);
    expect(readFileSync(join(out, "nats.conf"), "utf8")).toBe(confFor(flags));
  });

  test.each([
    ["/proc/skein", "The folder /proc/skein cannot be made: the file system there takes no new folders"],
    ["FOLDER/a/b", "The folder FOLDER/a does not exist: make it first"],
    ["FOLDER/file", "The file FOLDER/file/nats.conf cannot be written: --out names a file, not a folder"],
    ["FOLDER/file/a", "The folder FOLDER/file/a cannot be made: what is above it is a file"],
  ])("says of the folder %s why nothing can be written there", async (out, said) => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "file"), "");
    const { stderr, code } = await run(...orgs, "--out", out.replace("FOLDER", folder.path));
    expect([stderr, code]).toEqual([expect.stringContaining(said.replace("FOLDER", folder.path)), 1]);
  });

  test("lists users, their passwords' variables and their rights as JSON", async () => {
    const { stdout } = await run("--org", "acme", "--json");
    const { users } = JSON.parse(stdout);
    const publisher = users.find(({ user }: { user: string }) => user === "acme-publisher");
    expect(publisher).toMatchObject({
      account: "ACME_PUBLISHER",
      password: "SKEIN_NATS_ACME_PUBLISHER_PASSWORD",
      inbox: "_INBOX.acme-publisher",
      publish: expect.arrayContaining(["skein.acme.runs.*"]),
      answers: false,
    });
  });

  test("has the stores of one's own streams for gateways, and their subjects for publishers", async () => {
    using folder = makeFolder();
    const stream = new URL("../../src/stream/define.ts", import.meta.url);
    const code = `import { z } from "${new URL("../../node_modules/zod/index.js", import.meta.url)}";
      import { defineFeed } from "${stream}";
      export const deploys = defineFeed({ path: "deploys", description: "d", subject: "deploys.:id", access: { roles: ["viewer"] },
        rejectedBody: "shown", query: z.strictObject({}), event: z.looseObject({}), keepMs: 1000, messages: {},
        past: { kind: "recent", most: 10 }, frame: (found) => found, shows: () => true, ends: () => false });`;
    writeFileSync(join(folder.path, "deploys.ts"), code);
    const { stdout, stderr } = await run("--org", "acme", "--streams", folder.path);
    expect(stderr).toBe("");
    expect(stdout).toContain('"$JS.API.STREAM.CREATE.SKEIN_DEPLOYS"');
    expect(stdout).toContain('{ service: "skein.acme.deploys.*", accounts: [ACME_PUBLISHER] }');
  });

  test("encodes an org in subjects, and names its users by what NATS takes", async () => {
    const { stdout } = await run("--org", "acme.com");
    expect(stdout).toContain('user: "acme_com-node", password: $SKEIN_NATS_ACME_COM_NODE_PASSWORD');
    expect(stdout).toContain('"skein.acme%2Ecom.managed.*"');
  });

  test.each([
    [[], [], "--org, --agent: Name at least one org"],
    [["acme"], ["planner"], 'An agent is ORG/NAME, like acme/planner, not "planner"'],
    [["acme"], ["beta/a"], "add the org beta"],
    [["a-b", "a.b"], [], "would both be called SKEIN_NATS_A_B_NODE_PASSWORD: rename one of them"],
    [["a.b", "a_b"], [], "The user a_b-node of the org a_b and the user a_b-node of the org a.b would both be called"],
    [["acme"], ["acme/node"], "would both be called SKEIN_NATS_ACME_NODE_PASSWORD"],
  ])("says of orgs %j and agents %j what to change", async (org, agent, said) => {
    expect(await refusal(writeLayout({ org, agent }, []))).toContain(said);
  });

  test("checks no server as a user that the layout does not have", async () => {
    const { stderr, code } = await run("--org", "acme", "--check", "nats://stranger:x@127.0.0.1:1");
    expect(stderr).toContain(
      "stranger is no user of this layout: say with --as which it is, of admin, gateway, acme-node",
    );
    expect(code).toBe(1);
  });
});

/** What `--check` says as a user. */
async function check(locked: LockedNats, user: string, ...more: string[]) {
  const { secrets } = locked;
  const files = { ca: "ca.pem", cert: `${user}.pem`, key: `${user}-key.pem` };
  const named = Object.entries(files).flatMap(([knob, file]) => [`--nats-${knob}`, secrets.path(file)]);
  return run(...orgs, "--check", locked.urlOf(user), ...named, ...more);
}

async function openStreams(locked: LockedNats): Promise<void> {
  const bus = await openNatsBus(locked.optionsOf("gateway"));
  await stateOf(bus, "up");
  await makeStreams(bus);
  await bus.close();
}

describe("skein nats-config --check", () => {
  let locked: LockedNats;
  beforeAll(async () => {
    locked = await startLockedNats(confFor(flags));
  });
  afterAll(() => locked[Symbol.asyncDispose]());

  test("says as a gateway which streams are not there yet, and what makes them", async () => {
    const { stdout, code } = await check(locked, "gateway");
    expect(stdout).toContain("FAULT the stream SKEIN_RUNS is not there\n      start a gateway");
    expect(code).toBe(1);
  });

  test.each(["gateway", "acme-node", "acme-logs", "acme-publisher", "beta-publisher"])(
    "finds nothing wrong as %s where the server keeps to the layout, and changes nothing there",
    async (user) => {
      await openStreams(locked);
      const { nats: admin } = await Visitor.connect(locked, "admin");
      await admin.request("skein.acme.runs.a", "{}");
      const before = await readStates(admin, layoutFor(flags, []));
      const { stdout, stderr, code } = await check(locked, user);
      expect([stdout, stderr, code]).toEqual([expect.not.stringContaining("FAULT"), "", 0]);
      expect(stdout).toMatch(/^ok {4}may publish the \d+ of \d+ subjects/m);
      expect(await readStates(admin, layoutFor(flags, []))).toEqual(before);
      await admin.close();
    },
  );

  test("tells a publisher that the acknowledgement comes, and that it goes nowhere else", async () => {
    await openStreams(locked);
    const { stdout } = await check(locked, "acme-publisher");
    expect(stdout).toContain("ok    hears JetStream's acknowledgement on skein.acme.runs.skein-check");
    expect(stdout).toContain("ok    cannot have an acknowledgement stored as a message");
  });

  test("tells a publisher on an account with the streams that its answers are stored, and to mend that", async () => {
    await using shared = await startLockedNats(onOneAccount(confFor(flags)));
    await openStreams(shared);
    const { stdout, code } = await check(shared, "acme-publisher", "--json");
    const { findings, isGood } = JSON.parse(stdout);
    expect([isGood, code]).toEqual([false, 1]);
    expect(findings).toContainEqual({
      isGood: false,
      what: "can have JetStream write its acknowledgement to a subject of its choice, in any org",
      advice: expect.stringContaining("this user is in one account with the streams"),
    });
  });

  test("finds no fault once a fresh gateway is ready, though no ticket was given yet", async () => {
    await using fresh = await startLockedNats(confFor(flags));
    const bus = await openNatsBus(fresh.optionsOf("gateway"));
    await using gateway = await startGateway({ bus });
    await expect.poll(async () => (await fetch(`${gateway.url}/readyz`)).status, { timeout: 10_000 }).toBe(200);
    const { stdout, code } = await check(fresh, "gateway");
    expect([stdout, code]).toEqual([expect.not.stringContaining("FAULT"), 0]);
    await gateway.close();
    await bus.close();
  });

  test("names what a user may too much and too little", async () => {
    const conf = confFor(flags)
      .replace(/(user: "acme-logs".*?allow: \[\s+)"skein\.acme\.logs\.\*"/s, '$1"skein.acme.runs.*"')
      .replace('"_INBOX.acme-logs.>"', '"_INBOX.acme-logs.>", "skein.acme.inbox.*"');
    await using wrong = await startLockedNats(conf);
    const { stdout, code } = await check(wrong, "acme-logs");
    expect(stdout).toContain("FAULT may not publish skein.acme.logs.skein-check, which its role needs");
    expect(stdout).toContain("FAULT may publish skein.acme.runs.skein-check, which is not its business");
    expect(stdout).toMatch(/FAULT may hear .*skein\.acme\.inbox\.\*.*, which is not its business/);
    expect(code).toBe(1);
  });

  test("names a stream that may be purged", async () => {
    await using old = await startLockedNats(confFor(flags));
    await openStreams(old);
    const { nats: admin } = await Visitor.connect(old, "admin");
    const { config } = (await admin.request("$JS.API.STREAM.INFO.SKEIN_REVOKED")).json<{ config: object }>();
    await admin.request("$JS.API.STREAM.DELETE.SKEIN_REVOKED");
    await admin.request("$JS.API.STREAM.CREATE.SKEIN_REVOKED", JSON.stringify({ ...config, deny_purge: false }));
    await admin.close();
    const { stdout } = await check(old, "gateway");
    expect(stdout).toContain("FAULT the stream SKEIN_REVOKED lacks deny_purge\n      start a gateway of this version");
  });

  test("takes the address from the settings when it is given none, and wants one of them", async () => {
    await openStreams(locked);
    const { secrets } = locked;
    const env = {
      NATS_URL: locked.urlOf("beta-node"),
      SKEIN_NATS_CA: secrets.path("ca.pem"),
      SKEIN_NATS_CERT: secrets.path("beta-node.pem"),
      SKEIN_NATS_KEY: secrets.path("beta-node-key.pem"),
    };
    const { stdout, code } = await skein(["nats-config", ...orgs, "--check"], { env });
    expect([stdout, code]).toEqual([expect.stringMatching(/^beta-node, at nats-server \d/), 0]);
    expect((await run(...orgs, "--check")).stderr).toContain(
      "Say which server to check: --check URL, --nats or NATS_URL",
    );
  });

  test("says why it cannot connect, without the password", async () => {
    const password = locked.secrets.passwordOf("gateway");
    const { stderr, code } = await run(...orgs, "--check", `tls://gateway:${password}@127.0.0.1:1`);
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    expect(stderr).not.toContain(password);
    expect(code).toBe(1);
  });
});
