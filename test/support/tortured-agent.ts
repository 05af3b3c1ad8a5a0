import { type NatsServer, startNatsServer } from "./nats-server.ts";
import { makeFolder, Run, startSkein } from "./process.ts";
import { layWire } from "./proxy.ts";
import { torture } from "./torture.ts";
import { followLog, type TorturedGateway } from "./tortured-gateway.ts";

/** After so many rotations the agent is killed, after so many nats-server, and between others the clients are cut. */
const [killAgentEvery, killNatsEvery, cutOneIn] = [5, 11, 6];

/** A gateway and a logs agent, each a process, on a nats-server: the agent and the nats-server are killed now and then. */
export async function startTorturedAgent(): Promise<TorturedGateway> {
  const folder = makeFolder();
  const nats = await startNatsServer();
  const gateway = await startSkein(["--nats", nats.url]);
  const wire = await layWire(gateway.url);
  const pattern = `${folder.path}/logs/{name}/app.log`;
  const agent = new MortalAgent(pattern, nats);
  await agent.start();
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
        trouble: async ({ rotation, random, areOver }) => {
          // Of a file of which nothing was read yet, an agent that is new cannot tell what was read.
          if (rotation % killAgentEvery === 0) await areOver().then(() => agent.restart());
          if (rotation % killNatsEvery === 0) await nats.restart();
          if (random() * cutOneIn < 1) wire.cut();
        },
      });
    },
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      await agent.kill();
      await gateway[Symbol.asyncDispose]();
      await nats.stop();
      folder[Symbol.dispose]();
    },
  };
}

/** A logs agent that dies without a word and is started again. */
class MortalAgent {
  readonly #args: readonly string[];
  #run: Run | undefined;

  constructor(pattern: string, nats: NatsServer) {
    this.#args = ["logs-agent", "--org", "default", "--logs", pattern, "--nats", nats.url];
  }

  /** Starts it and waits until it says what it follows. */
  async start(): Promise<void> {
    const run = new Run(this.#args);
    this.#run = run;
    await run.until(({ stdout }) => stdout.includes("follows"));
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#run?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }
}
