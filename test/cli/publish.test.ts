import { afterAll, beforeAll, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { type Started, skein, startSkein } from "../support/process.ts";

let gateway: Started;
beforeAll(async () => {
  gateway = await startSkein();
});
afterAll(() => gateway.run.kill());

test.each([
  ["as an argument", ["runs.one", '{"type":"boot","host":"grüße"}'], undefined],
  ["with slashes, and from standard input", ["runs/two"], '{"type":"boot","host":"grüße"}\n'],
])("A message given %s is published, and the answer says where", async (_how, args, input) => {
  const id = args[0]?.slice("runs.".length);
  using client = follow("ws", gateway.url, `runs/${id}`);
  const { code, stdout, stderr } = await skein(
    ["publish", ...args, "--url", gateway.url],
    input === undefined ? {} : { input },
  );
  expect([code, stderr]).toEqual([0, ""]);
  const position = expect.any(Number);
  expect(JSON.parse(stdout)).toEqual({ subject: `skein.default.runs.${id}`, position, duplicate: false });
  const frames = await client.count(2);
  expect(frames[1]).toMatchObject({ type: "boot", run_id: id, host: "grüße" });
});

test("The same key publishes once, and says so the second time", async () => {
  const args = ["publish", "runs.three", '{"type":"boot"}', "--key", "k1", "--url", gateway.url];
  const answers = [await skein(args), await skein(args)];
  expect(answers.map(({ code }) => code)).toEqual([0, 0]);
  const [first, second] = answers.map(({ stdout }) => JSON.parse(stdout));
  expect(first).toMatchObject({ duplicate: false });
  expect(second).toEqual({ ...first, duplicate: true });
  using client = follow("ws", gateway.url, "runs/three");
  expect((await client.count(2))[0]).toMatchObject({ type: "snapshot", count: 1 });
});

test("--delete deletes a table's row, and an empty body is told of it", async () => {
  await gateway.publish("instances/a", { status: "running" });
  using client = follow("ws", gateway.url, "instances");
  await client.count(1);
  const empty = await skein(["publish", "instances.a", "-u", gateway.url], { input: "" });
  expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("skein publish --delete instances.a")]);
  const { code, stdout } = await skein(["publish", "--delete", "instances.a", "-u", gateway.url]);
  expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ subject: "skein.default.instances.a" })]);
  expect((await client.count(2))[1]).toMatchObject({ type: "instance_deleted", name: "a" });
  expect((await skein(["publish", "--delete", "instances.a", "{}", "-u", gateway.url])).stderr).toContain("no JSON");
  expect((await skein(["publish", "--delete", "runs.r1", "-u", gateway.url])).stderr).toMatch(/\(400\).*not deleted/);
});

test("--via publishes and deletes on NATS", async () => {
  await using held = new AsyncDisposableStack();
  const server = held.adopt(await startNatsServer(), (one) => one.stop());
  await using reader = await startSkein(["--nats", server.url]);
  using client = follow("ws", reader.url, "instances");
  await client.count(1);
  const via = ["--via", server.url];
  expect(await skein(["publish", "instances.a", '{"status":"running"}', ...via])).toMatchObject({ code: 0 });
  expect((await client.count(2))[1]).toMatchObject({ type: "instance_created", name: "a", status: "running" });
  const deleted = await skein(["publish", "--delete", "instances.a", ...via]);
  expect(JSON.parse(deleted.stdout)).toEqual({ position: expect.any(Number), duplicate: false });
  expect((await client.count(3))[2]).toMatchObject({ type: "instance_deleted", name: "a" });
  const refused = await skein(["publish", "instances.a", "hello", ...via]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/invalid_body.*JSON/)]);
});

test("--via with no server there says once that none listens, and fails", async () => {
  const { code, stdout, stderr } = await skein(["publish", "runs.r1", "{}", "--via", "nats://127.0.0.1:1"]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr.match(/No NATS server listens at 127\.0\.0\.1:1 /g)).toHaveLength(1);
  expect(stderr).toMatch(/^skein: Not published \(bus_away\)/m);
});

test("A name with a dot, a slash or a space is one name when it is percent-encoded or after a slash", async () => {
  using client = follow("ws", gateway.url, "instances");
  await client.count(1);
  expect((await skein(["publish", "instances/a.b c", '{"status":"running"}', "-u", gateway.url])).code).toBe(0);
  expect((await client.count(2))[1]).toMatchObject({ type: "instance_created", name: "a.b c" });
});

test.each([
  ["a wrong field", "runs.r1", '{"type":"dance"}', /\(400\).*"?type"?/],
  ["a missing field", "instances.a", '{"port":1}', /\(400\).*status/],
  ["no JSON", "runs.r1", "hello", /\(400\).*JSON/],
  ["an unknown subject", "nowhere.a", "{}", /\(404\).*nowhere\/a.*instances/],
])("A message with %s is refused in a sentence that names it", async (_what, subject, json, sentence) => {
  const { code, stdout, stderr } = await skein(["publish", subject, json, "-u", gateway.url]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^skein: Not published .+\n$/);
  expect(stderr).toMatch(sentence);
});

test("Without a gateway there the advice is how to start one", async () => {
  const gone = await startSkein();
  await gone.run.kill();
  const { code, stderr } = await skein(["publish", "runs.r1", '{"type":"boot"}', "-u", gone.url]);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^skein: No gateway answers at ${gone.url} .*skein start\n$`));
});
