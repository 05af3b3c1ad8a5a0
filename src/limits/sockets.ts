import type { Socket } from "node:net";
import { isolated, type Report } from "../protocol/background.ts";
import { refuseRaw } from "./refusal.ts";

/** How many sockets one address may hold. */
export interface SocketQuota {
  readonly most: number;
  /** Under which name an address counts, say its network; undefined for one that may hold any number, say a proxy. */
  readonly keyOf?: (address: string) => string | undefined;
}

/** The open sockets of a server, counted by the address at their other end. */
export class Sockets {
  readonly #quota: SocketQuota | undefined;
  readonly #report: Report;
  readonly #open = new Set<Socket>();
  readonly #held = new Map<string, number>();

  constructor(quota: SocketQuota | undefined, report: Report) {
    this.#quota = quota;
    this.#report = report;
  }

  get open(): ReadonlySet<Socket> {
    return this.#open;
  }

  /** Takes a socket in, or answers it with 429 and cuts it; says whether it was taken. */
  take(socket: Socket): boolean {
    const key = this.#keyOf(socket);
    if (key !== undefined && !this.#hold(key)) {
      refuseRaw(socket, 429);
      return false;
    }
    this.#open.add(socket);
    const close = () => {
      this.#open.delete(socket);
      if (key !== undefined) this.#release(key);
    };
    socket.once("close", isolated("a socket that closes", close, this.#report));
    return true;
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #keyOf({ remoteAddress }: Socket): string | undefined {
    // A socket that was reset before anybody looked at it has no address any more.
    if (!this.#quota || remoteAddress === undefined) return undefined;
    const { keyOf } = this.#quota;
    return keyOf ? keyOf(remoteAddress) : remoteAddress;
  }

  #hold(key: string): boolean {
    const held = this.#held.get(key) ?? 0;
    if (held >= (this.#quota?.most ?? 0)) return false;
    this.#held.set(key, held + 1);
    return true;
  }

  #release(key: string): void {
    const held = this.#held.get(key) ?? 0;
    if (held > 1) this.#held.set(key, held - 1);
    else this.#held.delete(key);
  }
}
