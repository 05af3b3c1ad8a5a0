import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { siteIn } from "../../src/api/site.ts";
import { Failure } from "../../src/protocol/failure.ts";
import { makeFolder } from "../support/process.ts";

test("Pages that were not built yet are refused with what to do, and are there as soon as they were", async () => {
  using folder = makeFolder();
  const site = join(folder.path, "dashboard");
  const app = new Hono().get("/*", siteIn(site)).onError((thrown) => {
    const { frame, status } = Failure.from(thrown);
    return new Response(frame.json, { status });
  });
  const refused = await app.request("/");
  expect([refused.status, await refused.json()]).toEqual([
    404,
    { type: "error", code: "not_found", message: expect.stringContaining("npm run build") },
  ]);
  expect((await app.request("/assets/a-1.js")).status).toBe(404);
  mkdirSync(join(site, "assets"), { recursive: true });
  writeFileSync(join(site, "index.html"), "<h1>built</h1>");
  writeFileSync(join(site, "assets", "a-1.js"), "1;");
  writeFileSync(join(site, ".built-from"), "a mark");
  expect(await (await app.request("/")).text()).toBe("<h1>built</h1>");
  const asset = await app.request("/assets/a-1.js");
  expect([await asset.text(), asset.headers.get("cache-control")]).toEqual([
    "1;",
    "public, max-age=31536000, immutable",
  ]);
  const head = await app.request("/", { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "14", ""]);
  for (const path of ["/.built-from", "/assets", "/index.html/", "//index.html", "/%2e%2e/secret", "/constructor"]) {
    expect((await app.request(path)).status).toBe(404);
  }
});
