import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { type Folder, main, makeFolder, Run } from "../support/process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}/examples/deploys/README.md`, "utf8");
const [starting = "", ...lines] = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, code = ""]) =>
  code.trimEnd().split("\n"),
);

let data: Folder;
let gateway: Run;
let url = "";
beforeAll(async () => {
  data = makeFolder();
  const args = starting.slice("npm start -- ".length).split(" ");
  gateway = new Run(["start", ...args, "--port", "0", "--data", data.path], { cwd: root });
  await gateway.until(({ stdout }) => stdout.includes("Open"));
  url = /is at (http:\S+),/.exec(gateway.stdout)?.[1] ?? "";
});
afterAll(async () => {
  await gateway.kill();
  data[Symbol.dispose]();
});

/** Runs a line of the page as it is, for a while where it goes on until somebody stops it. */
function run(line: string) {
  const script = `skein() { '${process.execPath}' '${main}' "$@"; }\n${line.replaceAll("http://127.0.0.1:8000", url)}`;
  const isFollowing = /skein listen|curl -N/.test(line);
  // A group of its own, so that all of it ends.
  const words = isFollowing ? ["-k", "1", "2", "/bin/bash", "-c", script] : ["20", "/bin/bash", "-c", script];
  const env = { ...process.env, SKEIN_URL: url };
  const { stdout, stderr, status } = spawnSync("timeout", words, { cwd: root, env, encoding: "utf8" });
  return { text: stdout, stderr, code: isFollowing ? 0 : status };
}

/** What the lines of the page say when they run one after the other. */
const said: Readonly<Record<string, RegExp>> = {
  "skein config": /services \(services in examples\/deploys\/streams\/services\.ts\)/,
  "curl -s http://127.0.0.1:8000/api/streams": /"path":"deploys"/,
  "sh examples/deploys/deploy.sh cart 2.0.1": /^cart 2\.0\.1 is out\n$/,
  "sh examples/deploys/deploy.sh checkout": /^checkout 1\.4\.2 is out\n$/,
  "skein listen services": /"services":\[\{.*"version":"2\.0\.1","status":"healthy"/,
  "skein listen 'deploys": /"service":"checkout","version":"1\.4\.2","phase":"finished"/,
  "curl -N": /"type":"snapshot","services":\[\]/,
  "skein publish": /"subject":"skein\.default\.services\.cart"/,
  "skein run": /^cart 2\.0\.3 is out\n$/,
  "curl -s http://127.0.0.1:8000/api/publish": /"code":"invalid_body".*status/,
};

describe("Every line of the example does what it says:", () => {
  test.each(lines)("%s", (line) => {
    const { text, stderr, code } = run(line);
    expect(code, stderr).toBe(0);
    const [, sentence] = Object.entries(said).find(([start]) => line.startsWith(start)) ?? [];
    expect(sentence, line).toBeDefined();
    expect(text).toMatch(sentence ?? /^never$/);
  });
});

test("A deploy that fails leaves its service degraded, and says who it was and when", async () => {
  using deploys = follow("ws", url, "deploys?service=search&recent=0");
  using services = follow("sse", url, "services?status=degraded");
  await Promise.all([deploys.count(1), services.count(1)]);
  const { stderr, code } = run("sh examples/deploys/deploy.sh search 3.0.0 sh -c 'exit 7'");
  expect([code, stderr]).toEqual([7, "search 3.0.0 is not out: sh -c exit 7 ended with exit code 7\n"]);
  expect((await deploys.count(3)).slice(1)).toMatchObject([
    { type: "deploy", service: "search", phase: "started", by: expect.any(String) },
    { type: "deploy", service: "search", phase: "failed", timestamp: expect.any(String) },
  ]);
  expect((await services.count(2))[1]).toMatchObject({ type: "service_changed", name: "search", status: "degraded" });
});
