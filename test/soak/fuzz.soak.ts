import { expect, test } from "vitest";
import { frameCase } from "../hardening/frame-cases.ts";
import { fuzz } from "../hardening/fuzzing.ts";
import { requestCase } from "../hardening/request-cases.ts";

const count = Number(process.env.COUNT ?? 100_000);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

test.each([
  ["handshakes and frames", frameCase, 10],
  ["HTTP requests", requestCase, 40],
])(
  `${count} %s, some of it wrong, do nothing to a gateway and to others (SEED=${seed})`,
  async (_, makeCase, patienceMs) => {
    const statuses = await fuzz({ count, seed, makeCase, patienceMs });
    console.log(Object.fromEntries(statuses));
    expect(statuses.get("400")).toBeGreaterThan(0);
  },
);
