import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import type { Limits } from "../../src/skein.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { type Client, follow, type Seen, type Transport } from "../support/client.ts";
import type { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";

/** Long enough that nobody is closed for having been silent while a test lets time pass. */
const limits: Partial<Limits> = { idleAfterMs: 24 * 60 * 60 * 1000, pingEveryMs: 24 * 60 * 60 * 1000 };

/** A gateway in mode open with a key, and a token of the org `acme` that may do everything there. */
export class Scene implements AsyncDisposable {
  readonly gateway: Gateway;
  /** Another one over the same bus. */
  readonly other: Gateway;
  readonly bus: Bus;
  readonly clock: ManualClock | undefined;
  readonly token: string;
  readonly #close: () => PromiseLike<void>;

  private constructor(
    parts: Pick<Scene, "gateway" | "other" | "bus" | "clock" | "token">,
    close: () => PromiseLike<void>,
  ) {
    this.gateway = parts.gateway;
    this.other = parts.other;
    this.bus = parts.bus;
    this.clock = parts.clock;
    this.token = parts.token;
    this.#close = close;
  }

  /** Publishes in the org `acme`, and gives the position. */
  publish(tail: string, body: unknown): Promise<number> {
    return this.gateway.publish(tail, body, this.token);
  }

  /** Publishes a row, and settles when the gateway has heard of it: NATS says first that it is stored. */
  async place(tail: string, body: unknown): Promise<void> {
    const position = await this.publish(tail, body);
    const [stream = ""] = tail.split("/");
    using watcher = this.follow("sse", stream);
    await watcher.until((frames) => frames.some(({ cursor }) => positionIn(cursor) >= position));
  }

  /** Publishes whatever a service on the bus may publish that has never heard of schemas. */
  async say(store: { readonly name: string; readonly subjects: readonly string[] }, said: Said): Promise<void> {
    const data = typeof said.body === "string" ? said.body : JSON.stringify(said.body);
    const { keepMs } = said;
    const bytes = new TextEncoder().encode(data);
    if (keepMs === undefined) await (await this.bus.table(store)).put(said.subject, bytes);
    else await (await this.bus.journal({ ...store, keepMs })).append(said.subject, bytes);
  }

  follow(transport: Transport, stream: string, as = this.token): Client {
    return follow(transport, this.gateway.url, stream, as);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#close();
  }

  /** Opens one; with a clock, the gateways go by it. */
  static async open(open: () => Promise<TestBus>, clock?: ManualClock): Promise<Scene> {
    const opened = await open();
    const { bus } = opened;
    const settings = { auth: openWithKey, bus, limits, ...(clock && { clock }) };
    const [gateway, other] = [await startGateway(settings), await startGateway(settings)];
    const close = async () => {
      await gateway.close();
      await other.close();
      await opened[Symbol.asyncDispose]();
    };
    return new Scene({ gateway, other, bus, clock, token: await token() }, close);
  }
}

interface Said {
  readonly subject: string;
  readonly body: unknown;
  readonly keepMs?: number;
}

/** An embedded bus whose messages are stored at the time of a clock. */
export function embeddedBy(clock: ManualClock): () => Promise<TestBus> {
  return async () => {
    const bus = await openEmbeddedBus({ file: ":memory:", clock });
    return { bus, [Symbol.asyncDispose]: () => bus.close() };
  };
}

/** What is compared of frames where nobody knows the cursor. */
export function withoutCursors(frames: readonly Seen[]): object[] {
  return frames.map(({ cursor: _, ...frame }) => frame);
}

export { buses };

function positionIn(cursor: string | undefined): number {
  return Number(/-(\d+)/.exec(cursor ?? "")?.[1] ?? -1);
}
