import type { TokenSource } from "./skein.ts";

/** Who a connection speaks for. */
export class Bearer {
  readonly #source: TokenSource | undefined;
  #token: string | undefined;
  #bad: { readonly token: string | undefined } | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  get token(): string | undefined {
    return this.#token;
  }

  /** Whether somebody could have another token. */
  get canAsk(): boolean {
    return typeof this.#source === "function";
  }

  /** Asks for a token; whether it is another one than was refused. Rejects with what the source throws. */
  async ask(): Promise<boolean> {
    this.#token = typeof this.#source === "function" ? await this.#source() : this.#source;
    return this.#bad?.token !== this.#token || !this.#bad;
  }

  /** Asks for a newer token; undefined when there is none. */
  async renew(): Promise<string | undefined> {
    const before = this.#token;
    // Who cannot say now is asked again when the token has ended.
    if (!this.canAsk || !(await this.ask().catch(() => false)) || this.#token === before) return undefined;
    return this.#token;
  }

  /** The token was refused. */
  renounce(): void {
    this.#bad = { token: this.#token };
  }

  /** The token was taken. */
  accept(): void {
    this.#bad = undefined;
  }
}
