import { connect } from "nats";
import type { Children, Program } from "./children.ts";
import { accepts, freePort, whenReady } from "./port.ts";
import type { Publisher } from "./publisher.ts";

/** A nats-server with JetStream, started for one run. */
export interface Bus {
  readonly url: string;
  readonly program: Program;
}

/** Starts a nats-server that keeps its streams in `directory`. */
export async function startBus(children: Children, directory: string): Promise<Bus> {
  const port = await freePort();
  const args = ["-js", "-a", "127.0.0.1", "-p", String(port), "-sd", directory];
  const program = children.spawn("nats-server", args);
  await whenReady(program, () => accepts(port));
  return { url: `nats://127.0.0.1:${port}`, program };
}

/** Publishes plain core NATS messages, as any microservice would. */
export async function natsPublisher(url: string, subject: string): Promise<Publisher> {
  const connection = await connect({ servers: url });
  return {
    send: (body) => connection.publish(subject, Buffer.from(body)),
    drained: () => connection.flush(),
    close: () => connection.close(),
  };
}
