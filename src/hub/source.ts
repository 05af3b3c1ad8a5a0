import type { Bus, Stored } from "../bus/bus.ts";
import type { Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import type { Failure } from "../protocol/failure.ts";
import type { SourcedDefinition } from "../stream/define.ts";
import type { Lingering } from "./linger.ts";
import type { OpeningCache } from "./opening-cache.ts";
import type { RingLimits } from "./ring.ts";
import type { SessionLimits } from "./session.ts";
import type { Tallies } from "./tally.ts";

/** Limits of the hub; every number is a knob of the configuration. */
export interface HubLimits extends SessionLimits, RingLimits {
  /** How long a channel stays after its last session has left. */
  readonly lingerMs: number;
  /** How many frames a resumed client is sent at the most before a snapshot is the better answer. */
  readonly replayFrames: number;
  /** How long a client may accept no byte. */
  readonly stuckAfterMs: number;
}

/** What a source needs from the hub. */
export interface SourceParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: HubLimits;
  readonly tallies: Tallies;
  /** What all channels keep of their openings. */
  readonly openings: OpeningCache;
  readonly lingering: Lingering;
  /** Names this gateway among all that there are. */
  readonly gateway: string;
  /** Takes an exception that no request can answer for. */
  readonly report: Report;
  /** Takes a message that fails its schema out of sight, with the reason. */
  reject(definition: SourcedDefinition, stored: Stored, failure: Failure): void;
}
