import { expect } from "vitest";
import { rangesOf } from "./line-ledger.ts";
import { LogClient } from "./log-client.ts";
import { makeFolder, startSkein } from "./process.ts";
import { layWire } from "./proxy.ts";
import type { Mode } from "./rotations.ts";
import { type Tortured, torture } from "./torture.ts";

/** After one rotation in so many the clients are cut. */
const cutOneIn = 6;

/** So many lines may be lost at a truncation besides those that are in no file: what is written in ten milliseconds. */
const mostLostPerTruncation = 50;

/** A gateway whose logs are rotated while two clients that are cut now and then follow them. */
export interface TorturedGateway extends AsyncDisposable {
  torture(mode: Mode, rotations: number, seed: number): Promise<Tortured<LogClient>>;
}

/** Starts `skein start --logs`. */
export async function startTorturedGateway(): Promise<TorturedGateway> {
  const folder = makeFolder();
  const pattern = `${folder.path}/logs/{name}/app.log`;
  const gateway = await startSkein(["--data", ":memory:", "--logs", pattern]);
  const wire = await layWire(gateway.url);
  let count = 0;
  return {
    torture: (mode, rotations, seed) => {
      const name = `log${++count}`;
      return torture({
        mode,
        rotations,
        seed,
        path: pattern.replace("{name}", name),
        folder: `${folder.path}/${name}`,
        follow: () => followLog(wire.url, name),
        trouble: ({ random }) => (random() * cutOneIn < 1 ? wire.cut() : undefined),
      });
    },
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** A client over WebSocket and one over Server-Sent Events. */
export function followLog(url: string, name: string): LogClient[] {
  return (["ws", "sse"] as const).map((transport) => new LogClient(transport, url, `instances/${name}/logs`));
}

/**
 * Expects that each client had every line exactly once and in order. Where the mode itself loses some, what is missing lies
 * behind a gap, and is little more than what is in no file any more.
 */
export function expectWhole({ followers, written, unkept }: Tortured<LogClient>, mode: Mode, rotations: number): void {
  for (const { name, ledger, fresh, gaps } of followers) {
    const what = `${mode.name}, over ${name}, ${written} lines; gaps: ${gaps.slice(0, 3).join(" ")}`;
    const lost = [...ledger.missing.keys()];
    expect({ ...ledger.faults, fresh }, what).toEqual({ fresh: [] });
    if (!mode.losesLines) expect(rangesOf(lost), what).toBe("");
    // Whoever reads along may have lines, too, that are in no file by now.
    expect(lost.length, what).toBeLessThanOrEqual(unkept.size + rotations * mostLostPerTruncation);
  }
}
