import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { natsPublisher } from "../bus.ts";
import { noLimits } from "../limits.ts";
import { freePort, whenReady } from "../port.ts";
import { httpPublisher } from "../publisher.ts";
import type { Rival } from "./rival.ts";

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Skein as it is started by hand, one run followed by everybody. Every client is checked, framed and queued as any other. */
export const skein: Rival = {
  name: "skein",
  transports: ["ws", "sse"],
  obstacle: () => (existsSync(program) ? undefined : `${program} is not there: run this in a whole checkout`),
  start: async (stage) => {
    const port = await freePort();
    const url = stage.publish === "nats" ? (await stage.bus()).url : undefined;
    const running = stage.children.spawn(process.execPath, commandLine(port, url));
    await whenReady(running, () => answers(`http://127.0.0.1:${port}/readyz`));
    return {
      program: running,
      dialect: (transport) => ({
        transport,
        port,
        path: `/${transport}/runs/bench`,
        opensWith: '"type":"snapshot"',
        answers: [],
        keepalive: transport === "ws" ? '{"type":"ping"}' : undefined,
      }),
      publisher: () =>
        url === undefined
          ? httpPublisher({ port, path: "/api/publish/runs/bench", inFlight: 1 })
          : natsPublisher(url, "skein.default.runs.bench"),
    };
  },
};

function commandLine(port: number, busUrl: string | undefined): string[] {
  const nats = busUrl === undefined ? [] : ["--nats", busUrl];
  return [program, "start", "--port", String(port), "--data", ":memory:", ...noLimits, ...nats];
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
