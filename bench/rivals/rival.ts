import type { Bus } from "../bus.ts";
import type { Children, Program } from "../children.ts";
import type { Publisher } from "../publisher.ts";
import type { Dialect, Transport } from "../subscriber.ts";

/** A server that can be measured. */
export interface Rival {
  readonly name: string;
  readonly transports: readonly Transport[];
  /** What to do so that it can run here; undefined when it can. */
  obstacle(): string | undefined;
  start(stage: Stage): Promise<Running>;
}

/** What a server finds when it starts. */
export interface Stage {
  readonly children: Children;
  /** An empty directory that is removed after the run. */
  readonly directory: string;
  /** How frames reach Skein; the other servers know one way only. */
  readonly publish: "nats" | "http";
  /** Starts a nats-server, for those that want one. */
  bus(): Promise<Bus>;
}

/** A server that runs. */
export interface Running {
  readonly program: Program;
  dialect(transport: Transport): Dialect;
  publisher(): Promise<Publisher>;
}
