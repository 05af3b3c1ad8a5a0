import { Wire } from "../support/wire.ts";

/** Where floods come from; everybody else is at 127.0.0.1. */
export const floodAddress = "127.0.0.2";

/** How often each status was answered; `none` when nothing was. */
export type Tally = Record<string, number>;

export interface Flood {
  readonly port: number;
  readonly count: number;
  readonly atOnce: number;
  /** What each sends. */
  readonly request: string;
}

/** Connects that many times, sends the same each time and hangs up as soon as there is an answer. */
export async function flood({ port, count, atOnce, request }: Flood): Promise<Tally> {
  const tally: Tally = {};
  let left = count;
  const work = async () => {
    while (left-- > 0) {
      using wire = new Wire(port, floodAddress);
      await wire.send(request);
      await wire.until(({ text }) => text.includes("\r\n\r\n"));
      add(tally, statusesIn(wire.text)[0]);
      // Otherwise the ports of the address would be used up before anybody had enough of it.
      wire.socket.resetAndDestroy();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tally;
}

/** Sends the same many times over few connections, each as soon as the one before is answered. */
export async function floodKept({ port, count, atOnce, request }: Flood): Promise<Tally> {
  const tally: Tally = {};
  let left = count;
  const work = async () => {
    let wire = new Wire(port, floodAddress);
    while (left-- > 0) {
      if (wire.isClosed) wire = new Wire(port, floodAddress);
      await wire.send(request);
      await wire.until(({ text }) => text.endsWith("}"));
      add(tally, statusesIn(wire.take())[0]);
    }
    wire[Symbol.dispose]();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tally;
}

/** Begins that many requests, ends none of them and waits until all of them were cut. */
export async function halfOpen({ port, count, request }: Omit<Flood, "atOnce">): Promise<Tally> {
  const tally: Tally = {};
  const wires = Array.from({ length: count }, () => new Wire(port, floodAddress));
  await Promise.all(wires.map((wire) => wire.send(request)));
  await Promise.all(wires.map(({ closed }) => closed));
  for (const { text } of wires) add(tally, statusesIn(text)[0]);
  return tally;
}

function statusesIn(text: string): string[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status = ""]) => status);
}

function add(tally: Tally, status = "none"): void {
  tally[status] = (tally[status] ?? 0) + 1;
}
