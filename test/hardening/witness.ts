import { type Client, follow, type Seen } from "../support/client.ts";
import type { Started } from "../support/process.ts";

/** What a witness saw, and how long each frame took from its publishing to the WebSocket, in milliseconds. */
export interface Testimony {
  readonly published: number;
  /** The numbers that each client saw; they should be 1 to `published`. */
  readonly seen: readonly (readonly unknown[])[];
  readonly tookMs: readonly number[];
}

/** Somebody undisturbed: follows a stream over two transports while frames are published, one after the other. */
export class Witness {
  readonly #gateway: Started;
  readonly #everyMs: number;
  readonly #clients: readonly Client[];
  readonly #tookMs: number[] = [];
  #published = 0;
  #isOver = false;
  #publishing = Promise.resolve();

  private constructor(gateway: Started, everyMs: number) {
    this.#gateway = gateway;
    this.#everyMs = everyMs;
    this.#clients = [follow("ws", gateway.url, "runs/witness"), follow("sse", gateway.url, "runs/witness")];
  }

  static async begin(gateway: Started, everyMs: number): Promise<Witness> {
    const witness = new Witness(gateway, everyMs);
    await Promise.all(witness.#clients.map((client) => client.count(1)));
    witness.#publishing = witness.#publish();
    // Whoever waits for the end hears of it.
    witness.#publishing.catch(() => {});
    return witness;
  }

  /** How many frames it has published. */
  get published(): number {
    return this.#published;
  }

  /** Ends it, and gives what it saw once everything published has come. */
  async end(): Promise<Testimony> {
    this.#isOver = true;
    await this.#publishing;
    const published = this.#published;
    const isAllThere = (frames: readonly Seen[]) => frames.at(-1)?.n === published;
    await Promise.all(this.#clients.map((client) => client.until(isAllThere)));
    const seen = this.#clients.map(({ frames }) => frames.flatMap(({ n }) => (n === undefined ? [] : [n])));
    for (const client of this.#clients) client.close();
    return { published, seen, tookMs: this.#tookMs };
  }

  async #publish(): Promise<void> {
    while (!this.#isOver || this.#published < 10) {
      const n = ++this.#published;
      const began = performance.now();
      const arrived = this.#clients[0]?.count(n + 1);
      // When the publishing fails as well, that is the better word for it.
      arrived?.catch(() => {});
      const timestamp = new Date(0).toISOString();
      const answer = await this.#gateway.publish("runs/witness", { type: "error", timestamp, run_id: "witness", n });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      await answer.body?.cancel();
      await arrived;
      this.#tookMs.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, this.#everyMs));
    }
  }
}
