import type { Bus } from "../../src/bus/bus.ts";
import type { Stop } from "../../src/protocol/clock.ts";
import { inboxSubject, type LetterMetadata } from "../../src/protocol/letter.ts";

/** A message as its receiver gets it. */
export interface Received extends LetterMetadata {
  readonly payload: unknown;
}

/** An answer of a gateway. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

/** What a message needs besides its payload. */
export const plain = { from: "ann", to: "bob", message_type: "task.handoff" };

/** Sends messages through a gateway, and says what became of them. */
export class Correspondent {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Sends a body as it is, or as JSON; gives whatever comes. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return replyOf(await fetch(`${this.#url}/api/${path}`, { method: "POST", headers, body: text }));
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return replyOf(await fetch(`${this.#url}/api/${path}`, { headers }));
  }

  /** Sends a message and gives its id. Throws when it is refused. */
  async send(draft: object): Promise<string> {
    const { status, text, body } = await this.post("messages", { ...plain, payload: null, ...draft });
    if (status !== 201) throw new Error(`${status} ${text}`);
    return String(body.message_id);
  }

  /** What lies in an inbox. Throws when it is refused. */
  async inbox(agent: string, query = ""): Promise<Received[]> {
    const { status, text, body } = await this.get(`inbox/${encodeURIComponent(agent)}${query}`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.messages as Received[];
  }
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) };
}

/** An agent on the bus: keeps every offer, and answers as it is told. */
export class Listener implements Disposable {
  readonly offers: Received[] = [];
  /** The offers as the texts that came. */
  readonly texts: string[] = [];
  /** How many offers there were at the most at the same moment. */
  crowd = 0;
  #present = 0;
  readonly #stop: Stop;
  readonly #waiting = new Set<() => void>();

  constructor(bus: Bus, agent: string, answer: (offer: Received) => unknown) {
    this.#stop = bus.reply(inboxSubject("default", agent), async ({ data }) => {
      this.crowd = Math.max(this.crowd, ++this.#present);
      const text = new TextDecoder().decode(data);
      const offer: Received = JSON.parse(text);
      this.texts.push(text);
      this.offers.push(offer);
      for (const wake of this.#waiting) wake();
      const said = await answer(offer);
      this.#present -= 1;
      return new TextEncoder().encode(typeof said === "string" ? said : JSON.stringify(said));
    });
  }

  /** Settles when so many offers have come. */
  async count(count: number): Promise<Received[]> {
    while (this.offers.length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#waiting.clear();
    }
    return this.offers;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
