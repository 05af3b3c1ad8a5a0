import type { Refusal, Status, Transport } from "./skein.ts";
import { type State, shown } from "./states.ts";

/** How a connection is doing, as it knows it itself. */
interface Standing {
  readonly state: State;
  readonly transport: Transport;
  readonly retryAtMs: number;
  readonly refusal: Refusal | undefined;
}

interface HeraldParts {
  readonly isOnline: () => boolean;
  readonly tell: (status: Status) => void;
}

/** Says how a connection is doing, and nothing twice. */
export class Herald {
  readonly #parts: HeraldParts;
  #told = "";

  constructor(parts: HeraldParts) {
    this.#parts = parts;
  }

  tell({ state, transport, retryAtMs, refusal }: Standing): void {
    const isWaiting = state === "waiting" && this.#parts.isOnline();
    const status: Status = {
      state: state === "waiting" && !isWaiting ? "offline" : shown[state],
      transport,
      ...(isWaiting && { retryAtMs }),
      ...(refusal && { refusal }),
    };
    const told = JSON.stringify(status);
    if (told === this.#told) return;
    this.#told = told;
    this.#parts.tell(status);
  }
}
