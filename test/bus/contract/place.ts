import type { Bus, Journal, Table } from "../../../src/bus/bus.ts";

/** Somewhere messages are kept. */
export interface Home {
  /** A bus on it that is up; only one at a time. */
  open(): Promise<Bus>;
  end(): Promise<void>;
}

export const day = 24 * 60 * 60_000;
export const nothing = new Uint8Array(0);

/** The bus that a contract is tried on, and fresh stores in it. */
export class Place {
  readonly #start: () => Promise<Home>;
  #home: Home | undefined;
  #bus: Bus | undefined;
  #stores = 0;

  constructor(start: () => Promise<Home>) {
    this.#start = start;
  }

  get bus(): Bus {
    if (!this.#bus) throw new Error("The bus is not open");
    return this.#bus;
  }

  /** A name that nothing else on this bus has. */
  freshName(): string {
    this.#stores += 1;
    return `store${this.#stores}`;
  }

  async open(): Promise<void> {
    this.#home = await this.#start();
    this.#bus = await this.#home.open();
  }

  async reopen(): Promise<void> {
    await this.#bus?.close();
    this.#bus = await this.#home?.open();
  }

  async end(): Promise<void> {
    await this.#bus?.close();
    await this.#home?.end();
  }

  async table(): Promise<{ name: string; table: Table }> {
    const name = this.freshName();
    return { name, table: await this.bus.table({ name, subjects: [`${name}.>`] }) };
  }

  async journal(): Promise<{ name: string; journal: Journal }> {
    const name = this.freshName();
    return { name, journal: await this.bus.journal({ name, subjects: [`${name}.>`], keepMs: day }) };
  }
}
