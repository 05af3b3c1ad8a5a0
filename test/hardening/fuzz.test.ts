import { expect, test } from "vitest";
import { frameCase } from "./frame-cases.ts";
import { fuzz } from "./fuzzing.ts";
import { requestCase } from "./request-cases.ts";

const count = Number(process.env.COUNT ?? 1000);
const seed = Number(process.env.SEED ?? 1);

test("No handshake and no frame, however wrong, crashes a gateway, stays with it or disturbs others", async () => {
  const statuses = await fuzz({ count, seed, makeCase: frameCase, patienceMs: 15 });
  expect(statuses.get("101")).toBeGreaterThan(count / 2);
  expect(statuses.get("400")).toBeGreaterThan(count / 100);
}, 60_000);

test("No HTTP request, however wrong, crashes a gateway, stays with it or disturbs others", async () => {
  const statuses = await fuzz({ count, seed, makeCase: requestCase, patienceMs: 40 });
  for (const status of ["200", "201", "400", "404"]) expect(statuses.get(status)).toBeGreaterThan(count / 100);
}, 60_000);
