import { setTimeout } from "node:timers/promises";
import { advised } from "./advice.ts";
import { type Gateway, identifying } from "./gateway.ts";

/** Where events go that must not keep anybody waiting. */
export interface Outbox {
  /** Sends an event as soon as that is possible, after those before it. Never throws. */
  tell(tail: string, event: Readonly<Record<string, unknown>>): void;
  /** Goes on sending for a while; whether everything is delivered. */
  settle(ms: number): Promise<boolean>;
}

interface Waiting {
  readonly path: string;
  readonly text: string;
  readonly key: string;
  readonly isFleeting: boolean;
}

const mostWaiting = 256;
const answerMs = 5000;
const shortestPauseMs = 100;
const longestPauseMs = 5000;
/** What is worth nothing when newer things are known. */
const fleeting: ReadonlySet<unknown> = new Set(["tool_progress", "tool_lease"]);

/** Sends events to a gateway over HTTP, one after the other; while it does not answer they wait, and that is said once. */
export class HttpOutbox implements Outbox {
  readonly #gateway: Gateway;
  readonly #warn: (text: string) => void;
  readonly #waiting: Waiting[] = [];
  #sending: Promise<void> | undefined;
  #hasWarned = false;
  #isOver = false;

  constructor(gateway: Gateway, warn: (text: string) => void) {
    this.#gateway = gateway;
    this.#warn = warn;
  }

  tell(tail: string, event: Readonly<Record<string, unknown>>): void {
    const path = `/api/publish/${tail}`;
    const isFleeting = fleeting.has(event.type);
    this.#waiting.push({ path, text: JSON.stringify(event), key: crypto.randomUUID(), isFleeting });
    if (this.#waiting.length > mostWaiting) {
      const first = this.#waiting.findIndex((one) => one.isFleeting);
      if (first > 0) this.#waiting.splice(first, 1);
    }
    this.#sending ??= this.#send();
  }

  async settle(ms: number): Promise<boolean> {
    const limit = new AbortController();
    await Promise.race([this.#sending, setTimeout(ms, undefined, { signal: limit.signal }).catch(() => {})]);
    limit.abort();
    this.#isOver = true;
    const isDelivered = this.#waiting.length === 0;
    if (!isDelivered) this.#warnOnce(`No gateway has answered at ${this.#gateway.url}`);
    return isDelivered;
  }

  async #send(): Promise<void> {
    let pauseMs = shortestPauseMs;
    for (let next = this.#waiting[0]; next !== undefined && !this.#isOver; next = this.#waiting[0]) {
      const isDone = await this.#attempt(next);
      if (isDone) {
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        pauseMs = shortestPauseMs;
        continue;
      }
      await setTimeout(pauseMs, undefined, { ref: false });
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
    this.#sending = undefined;
  }

  /** Whether there is nothing more to do: it is delivered, or will never be. */
  async #attempt({ path, text, key }: Waiting): Promise<boolean> {
    const headers = { ...identifying(this.#gateway), "Content-Type": "application/json", "Idempotency-Key": key };
    const address = `${this.#gateway.url}${path}`;
    try {
      const signal = AbortSignal.timeout(answerMs);
      const response = await fetch(address, { method: "POST", body: text, headers, signal });
      const answer = await response.text();
      if (response.ok) return true;
      if (response.status === 401 && this.#gateway.credential?.renew()) return false;
      this.#warnOnce(refusalIn(answer) ?? `What answers at ${this.#gateway.url} is no gateway (${response.status})`);
      return response.status < 500 && response.status !== 429;
    } catch {
      this.#warnOnce(`No gateway answers at ${this.#gateway.url}`);
      return false;
    }
  }

  #warnOnce(text: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn(`${text}; the command runs all the same, and may not be shown`);
  }
}

function refusalIn(answer: string): string | undefined {
  try {
    const { code, message } = JSON.parse(answer) as { code?: unknown; message?: unknown };
    return typeof code === "string" && typeof message === "string" ? advised(code, message) : undefined;
  } catch {
    return undefined;
  }
}
