import type { Bus, BusState, Follower, Stored } from "../../src/bus/bus.ts";

/** One call that a follower got. */
export type Call =
  | { readonly kind: "begin"; readonly epoch: string }
  | { readonly kind: "message"; readonly message: Stored; readonly behind: number }
  | { readonly kind: "level"; readonly position: number }
  | { readonly kind: "gap"; readonly position: number };

/** A follower that remembers every call and lets a test wait for one. */
export class Recorder implements Follower {
  readonly calls: Call[] = [];
  readonly #waiting = new Set<() => void>();

  begin(epoch: string): void {
    this.#add({ kind: "begin", epoch });
  }

  message(message: Stored, behind: number): void {
    this.#add({ kind: "message", message, behind });
  }

  level(position: number): void {
    this.#add({ kind: "level", position });
  }

  gap(position: number): void {
    this.#add({ kind: "gap", position });
  }

  get messages(): Stored[] {
    return this.calls.flatMap((call) => (call.kind === "message" ? [call.message] : []));
  }

  get positions(): number[] {
    return this.messages.map(({ position }) => position);
  }

  get bodies(): string[] {
    return this.messages.map(({ data }) => text(data));
  }

  get epochs(): string[] {
    return this.calls.flatMap((call) => (call.kind === "begin" ? [call.epoch] : []));
  }

  get levels(): number {
    return this.calls.filter(({ kind }) => kind === "level").length;
  }

  /** The kinds of all calls, in order. */
  get story(): string {
    return this.calls.map(({ kind }) => kind).join(" ");
  }

  /** What a table follower believes is stored: subject → body. */
  get rows(): Map<string, string> {
    const rows = new Map<string, string>();
    for (const call of this.calls) {
      if (call.kind === "begin") rows.clear();
      if (call.kind !== "message") continue;
      if (call.message.data.length === 0) rows.delete(call.message.subject);
      else rows.set(call.message.subject, text(call.message.data));
    }
    return rows;
  }

  /** Resolves as soon as something is true of what was recorded. */
  until(isTrue: (recorder: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTrue(this)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #add(call: Call): void {
    this.calls.push(call);
    for (const look of this.#waiting) look();
  }
}

/** Resolves when the bus is in that state. */
export function stateOf(bus: Bus, state: BusState): Promise<void> {
  return new Promise((resolve) => {
    if (bus.state === state) return resolve();
    const stop = bus.onState((now) => {
      if (now !== state) return;
      stop();
      resolve();
    });
  });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(said: string): Uint8Array {
  return encoder.encode(said);
}

export function text(data: Uint8Array): string {
  return decoder.decode(data);
}
