import { setImmediate as turn } from "node:timers/promises";
import { type Clock, sleepUntil } from "./clock.ts";
import { payload } from "./mark.ts";
import type { Publisher } from "./publisher.ts";

/** What publishing needs. */
export interface Script {
  readonly publisher: Publisher;
  readonly clock: Clock;
  /** Frames per second. */
  readonly rate: number;
  /** Bytes of a frame. */
  readonly bytes: number;
}

/** Sequence numbers, the last one excluded. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

const floodWindow = 500;

/**
 * Open loop: frame n is due at `start + n / rate` whatever happened to those before, and carries that time as its stamp.
 * A server that stalls is charged for every frame that waited meanwhile.
 */
export async function publishSteadily({ publisher, clock, rate, bytes }: Script, { from, to }: Range): Promise<void> {
  const startUs = clock.now();
  for (let seq = from; seq < to; seq++) {
    const dueUs = startUs + ((seq - from) * 1e6) / rate;
    await sleepUntil(clock, dueUs);
    publisher.send(payload(seq, dueUs, bytes));
    await turn();
  }
  await publisher.drained();
}

/** As fast as the bus takes them: the next window leaves when the one before has been accepted. */
export async function publishAtOnce({ publisher, clock, bytes }: Script, { from, to }: Range): Promise<void> {
  for (let seq = from; seq < to; seq++) {
    publisher.send(payload(seq, clock.now(), bytes));
    if ((seq - from) % floodWindow === floodWindow - 1) await publisher.drained();
  }
  await publisher.drained();
}
