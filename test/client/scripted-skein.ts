import { connectIn } from "../../src/client/connect.ts";
import type { AnyFrame, ConnectOptions, Skein, Status } from "../../src/client/index.ts";
import { ScriptedWorld, settled } from "./scripted-world.ts";

/** A client in a scripted world, which follows `instances`. */
export interface Scripted {
  readonly world: ScriptedWorld;
  readonly skein: Skein;
  readonly statuses: Status[];
  readonly frames: AnyFrame[];
}

/** Connects in a scripted world; over WebSocket alone when nothing else is said. */
export async function connectScripted(options: ConnectOptions = { transports: ["ws"] }): Promise<Scripted> {
  const world = new ScriptedWorld();
  const skein = connectIn(world, "/prefix", options);
  const statuses: Status[] = [];
  const frames: AnyFrame[] = [];
  skein.onStatus((status) => statuses.push(status));
  skein.stream("instances").onFrame((frame) => frames.push(frame as AnyFrame));
  await settled();
  return { world, skein, statuses, frames };
}

/** A row of the fleet as a snapshot has it. */
export function snapshot(cursor: string, ...names: readonly string[]): AnyFrame {
  const instances = names.map((name) => ({ name, status: "up", port: null, pid: null, archived_at: null }));
  return { type: "snapshot", instances, include_archived: false, cursor };
}

/** A frame as it comes on a connection with many streams. */
export function covered(stream: string, frame: AnyFrame): unknown {
  return { stream, frame };
}
