import { connectIn } from "../../src/client/connect.ts";
import type { AnyFrame, ConnectOptions, Skein, Stream } from "../../src/client/index.ts";
import { type Surroundings, surroundings as world } from "../../src/client/surroundings.ts";

/** Settles when something is so; also in tests that run side by side, of which `expect.poll` knows only one. */
export async function until(isSo: () => boolean, patienceMs = 15_000): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`It did not come to be: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The real world, but that every pause of a connection is a twentieth of what it is. */
export const hurried: Surroundings = { ...world, after: (ms, task) => world.after(ms / 20, task) };

/** A connection in a hurry, which is closed with the test. */
export function hurry(url: string, options: ConnectOptions = {}): Skein & Disposable {
  const skein = connectIn(hurried, url, options);
  return Object.assign(skein, { [Symbol.dispose]: () => skein.close() });
}

/** Everything that a stream said, and what it came to. */
export interface Watched<State> {
  readonly frames: AnyFrame[];
  readonly states: State[];
  readonly phases: string[];
  /** Settles when a state is as wanted. */
  until(isEnough: (state: State) => boolean): Promise<State>;
  stop(): void;
}

/** Listens to a stream in every way. */
export function watch<State, Frame>(stream: Stream<State, Frame>): Watched<State> {
  const frames: AnyFrame[] = [];
  const states: State[] = [];
  const phases: string[] = [];
  const stops = [
    stream.onFrame((frame) => frames.push(frame as AnyFrame)),
    stream.subscribe((state) => state !== undefined && states.push(state)),
    stream.onStatus(({ phase }) => phases.push(phase)),
  ];
  return {
    frames,
    states,
    phases,
    async until(isEnough) {
      const isReached = () => {
        const state = stream.getSnapshot();
        return state !== undefined && isEnough(state);
      };
      await until(isReached);
      return stream.getSnapshot() as State;
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** What is wrong with what a listener was told of numbered events: one is missing, or came again. */
export function faultsIn(frames: readonly AnyFrame[]): string[] {
  const faults: string[] = [];
  let next = 0;
  for (const frame of frames) {
    if (frame.type === "snapshot") next = 0;
    if (frame.n === undefined) continue;
    if (frame.n !== next) faults.push(`${frame.n} came where ${next} was due`);
    next = Number(frame.n) + 1;
  }
  return faults;
}
