import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NatsServer, startNatsServer } from "./nats-server.ts";

/** A nats-server that cuts a connection off which has more than a few megabytes to read. */
export interface StrictNats extends AsyncDisposable {
  readonly server: NatsServer;
  /** How many connections were cut off because they did not read fast enough. */
  slowConsumers(): Promise<number>;
}

export async function startStrictNats(maxPending: "16MB" | "64MB"): Promise<StrictNats> {
  const folder = mkdtempSync(join(tmpdir(), "skein-strict-"));
  const file = join(folder, "nats.conf");
  writeFileSync(file, `max_pending: ${maxPending}\n`);
  const monitor = await freePort();
  const server = await startNatsServer({ args: ["-js", "-c", file, "-m", String(monitor)] });
  return {
    server,
    async slowConsumers() {
      const text = await (await fetch(`http://127.0.0.1:${monitor}/varz`)).text();
      return Number(/"slow_consumers": *(\d+)/.exec(text)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address ? address.port : 0;
}
