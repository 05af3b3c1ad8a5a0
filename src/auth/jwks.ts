import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { jsonInText } from "../protocol/json.ts";
import { isLoopback } from "./loopback.ts";
import { type PublicKey, publicKeysIn } from "./public-key.ts";

const keepMs = 10 * 60_000;
/** Whoever sends tokens with invented key ids makes us ask no more often than this. */
const coolDownMs = 30_000;
/** While there are no keys at all, nobody can be let in. */
const impatienceMs = 1000;
const timeoutMs = 5000;
const mostBytes = 512 * 1024;

interface JwksOptions {
  readonly clock: Clock;
  /** Hears why keys could not be fetched. */
  readonly report: (fault: unknown) => void;
}

/** The public keys that an identity provider publishes, fetched when they are needed, once for everybody who needs them. */
export class Jwks {
  readonly #url: URL;
  readonly #clock: Clock;
  readonly #report: (fault: unknown) => void;
  #keys: readonly PublicKey[] | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #underway: Promise<void> | undefined;

  /** Throws an Error when the address is not https, nor http of this machine. */
  constructor(url: string, { clock, report }: JwksOptions) {
    this.#url = trustworthy(url);
    this.#clock = clock;
    this.#report = report;
  }

  /** The keys as they were published not long ago. Throws `keys_away` when they were never read. */
  async keys(): Promise<readonly PublicKey[]> {
    const ageMs = this.#clock.now() - this.#fetchedAtMs;
    if (ageMs > keepMs) {
      const refreshed = this.#refresh(this.#keys ? coolDownMs : impatienceMs);
      // Old keys do for as long as a refresh takes, but not after a night without a single token.
      if (ageMs > 2 * keepMs) await refreshed;
    }
    if (this.#keys) return this.#keys;
    const retry = { retryAfterMs: impatienceMs };
    throw new Failure("keys_away", "The keys that check tokens cannot be fetched at the moment; try again", retry);
  }

  /** Other keys than those that did not do, or undefined when there are none, or it is too early to ask again. */
  async others(known: readonly PublicKey[]): Promise<readonly PublicKey[] | undefined> {
    if (this.#keys === known) await this.#refresh(coolDownMs);
    return this.#keys === known ? undefined : this.#keys;
  }

  /** Asks anew, unless that was done within `pauseMs`; settles when the answer is there, or will not come. */
  #refresh(pauseMs: number): Promise<void> {
    if (!this.#underway && this.#clock.now() - this.#triedAtMs >= pauseMs) {
      this.#triedAtMs = this.#clock.now();
      this.#underway = this.#fetch().finally(() => {
        this.#underway = undefined;
      });
    }
    return this.#underway ?? Promise.resolve();
  }

  async #fetch(): Promise<void> {
    const aborter = new AbortController();
    const stop = this.#clock.after(timeoutMs, () => aborter.abort(new Error(`No answer within ${timeoutMs} ms`)));
    try {
      this.#keys = publicKeysIn(await fetchJson(this.#url, aborter.signal));
      this.#fetchedAtMs = this.#clock.now();
    } catch (cause) {
      this.#report(new Error(`The keys at ${this.#url.href} could not be fetched`, { cause }));
    } finally {
      stop();
    }
  }
}

async function fetchJson(url: URL, signal: AbortSignal): Promise<unknown> {
  const headers = { accept: "application/jwk-set+json, application/json" };
  // A redirect could lead anywhere, also away from TLS.
  const response = await fetch(url, { signal, headers, redirect: "error" });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`The answer's status is ${response.status}`);
  }
  return jsonInText(await textOf(response.body), { what: "The answer" });
}

async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`The answer is larger than ${mostBytes} bytes`);
    text += utf8.decode(chunk, { stream: true });
  }
  return text + utf8.decode();
}

/** Whoever can change the answer on its way can sign tokens. */
function trustworthy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (!url || !isSafe)
    throw new Error("The address of the keys must begin with https://, or with http:// of this machine");
  if (url.username || url.password) throw new Error("The address of the keys must hold no user and no password");
  return url;
}
