import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { type Clock, systemClock } from "../../src/protocol/clock.ts";
import { listen } from "../../src/server.ts";
import { createSkein, type Limits, type Skein, type SkeinOptions } from "../../src/skein.ts";

/** The limits of the protocol. */
export const protocolLimits: Limits = {
  lingerMs: 30_000,
  replayFrames: 10_000,
  stuckAfterMs: 30_000,
  queueFrames: 256,
  queueBytes: 1024 * 1024,
  ringFrames: 1024,
  ringBytes: 4 * 1024 * 1024,
  pingEveryMs: 20_000,
  idleAfterMs: 90_000,
  retryMs: 50,
  pollWaitMaxMs: 25_000,
  maxMessageBytes: 64 * 1024,
  maxBodyBytes: 256 * 1024,
  letterKeepMs: 7 * 24 * 60 * 60 * 1000,
  letterRetryMs: 30_000,
  letterAttempts: 5,
  lettersMax: 100_000,
  lettersMaxBytes: 2_147_483_648,
  maxPayloadBytes: 1_032_192,
};

/** A gateway that listens on loopback, in this process. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly bus: Bus;
  /** The parts, for what a test asks of them directly. */
  readonly skein: Skein;
  /** Publishes over HTTP, as the bearer of a token when one is given, and gives the position. */
  publish(tail: string, body: unknown, token?: string): Promise<number>;
  close(drainMs?: number): Promise<void>;
}

interface GatewayOptions extends Omit<Partial<SkeinOptions>, "limits"> {
  readonly limits?: Partial<Limits>;
  readonly port?: number;
}

/** Starts a gateway; over an embedded bus in memory when no other is given. */
export async function startGateway({ limits, port = 0, ...options }: GatewayOptions = {}): Promise<Gateway> {
  const clock: Clock = options.clock ?? systemClock;
  const bus = options.bus ?? (await openEmbeddedBus({ file: ":memory:", clock }));
  const skein = createSkein({ ...options, clock, bus, limits: { ...protocolLimits, ...limits } });
  await skein.start();
  const listening = await listen(skein, { host: "127.0.0.1", port });
  const { url } = listening;
  let closing: Promise<void> | undefined;
  const close = (drainMs = 0) => {
    closing ??= listening.close(drainMs).then(() => (options.bus ? undefined : bus.close()));
    return closing;
  };
  return {
    url,
    bus,
    skein,
    close,
    publish: (tail, body, token) => publish(`${url}/api/publish/${tail}`, body, token),
    [Symbol.asyncDispose]: close,
  };
}

async function publish(address: string, body: unknown, token: string | undefined): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const question = body === null ? { method: "DELETE" } : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(address, { ...question, headers });
  const answer = (await response.json()) as { position: number };
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer.position;
}
