import type { AnyFrame } from "./frame.ts";
import type { Message } from "./link.ts";
import type { Status, StreamStatus } from "./skein.ts";

/** What a tab says to the one that leads. */
export type Asked =
  | { readonly kind: "who" }
  | {
      readonly kind: "follow";
      readonly from: string;
      readonly name: string;
      readonly since: string | undefined;
      /** Whether it has not heard all of this reign. */
      readonly isLate: boolean;
      /** How many tabs were asked in vain to give the state; endless when none can. */
      readonly tried: number;
    }
  | { readonly kind: "leave"; readonly from: string; readonly name: string }
  | {
      readonly kind: "send";
      readonly from: string;
      readonly id: number;
      readonly name: string;
      readonly message: Message;
    };

/** What the one that leads says to all. */
export type Told =
  /** It has the connection, which is doing that. */
  | { readonly kind: "status"; readonly status: Status }
  | { readonly kind: "phase"; readonly name: string; readonly status: StreamStatus }
  /** It follows a stream from that cursor on, or from its beginning. */
  | { readonly kind: "begin"; readonly name: string; readonly since: string | undefined }
  | { readonly kind: "frame"; readonly name: string; readonly frame: AnyFrame }
  /** The tab `from` is to give the state of a stream to the tab `to`. */
  | { readonly kind: "give"; readonly name: string; readonly from: string; readonly to: string }
  /** A message of the tab `to` was handed over, or could not be. */
  | { readonly kind: "sent"; readonly to: string; readonly id: number; readonly fault: string | undefined };

/** The state of a stream, with all that was told up to `count` applied. */
export interface Given {
  readonly kind: "state";
  readonly to: string;
  readonly name: string;
  readonly state: unknown;
  readonly since: string;
  readonly status: StreamStatus | undefined;
}

/** One reign is the time that one tab leads; a later one sorts after it. `count` numbers what the leader says, from 1. */
export type Talk = Asked | ((Told | Given) & { readonly reign: string; readonly count: number });
