import { z } from "zod";
import type { Said } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import {
  type Heartbeat,
  heartbeatBytesMax,
  heartbeatSubject,
  type TemplateInfo,
  templateParamsMax,
} from "../protocol/instance.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { identifierLengthMax, textBytesMax } from "../protocol/limits.ts";
import { splitSubject } from "../protocol/subject.ts";

/** A node says every second that it is there; one that has said nothing for longer than this is away. */
const awayAfterMs = 3000;
/** Whoever has just begun to listen knows of nobody's silence. */
const listenFirstMs = 4000;
/** Who is there has been heard by then. */
const settledMs = 1500;
/** A judge who was asleep for so long has heartbeats waiting that he has not heard. */
const sleptMs = 1500;
/** A node without instances that is away for so long will not come back under its name. */
const forgottenMs = 60 * 60_000;

/** How many nodes of an org are held in mind, and how many bytes of what they say. */
const nodesMax = 1024;
const nodesBytesMax = 8 * 1024 * 1024;
/** How many who say what does not do are named; of the rest nothing is said. */
const blamedMax = 1024;

const name = z.string().max(identifierLengthMax);
const heartbeat: z.ZodType<Heartbeat> = z.object({
  node: name.min(1),
  templates: z.array(
    z.object({
      name,
      description: z.string().max(textBytesMax),
      params: z
        .record(name, z.string().max(textBytesMax).nullable())
        .refine((all) => Object.keys(all).length <= templateParamsMax),
    }),
  ),
});

/** Which nodes there are, what each of them offers, and which of them have fallen silent. */
export class Nodes {
  readonly #clock: Clock;
  readonly #report: (fault: unknown) => void;
  readonly #nodes = new Map<string, Node>();
  readonly #blamed = new Set<string>();
  readonly #waiting = new Set<() => void>();
  /** Since when heartbeats can be heard; undefined while they cannot. */
  #sinceMs: number | undefined;
  #judgedMs = 0;
  /** From when on silence means something. */
  #trustMs = 0;

  constructor({ clock, report }: NodesParts) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Heartbeats can be heard from now on. */
  listen(): void {
    const now = this.#clock.now();
    this.#sinceMs = now;
    this.#judgedMs = now;
    this.#trustMs = now + listenFirstMs;
  }

  /** Nothing can be heard for now, so silence means nothing. */
  deafen(): void {
    this.#sinceMs = undefined;
    this.#wake();
  }

  /** Takes a heartbeat; what is none is reported once and otherwise overheard. */
  hear({ subject, data }: Said): void {
    const { org } = splitSubject(subject) ?? {};
    const parsed = heartbeat.safeParse(maybeJsonIn(data, heartbeatBytesMax));
    if (org === undefined || !parsed.success || heartbeatSubject(org, parsed.data.node) !== subject) {
      return this.#blame(subject, "is no heartbeat of that node; its node does not count");
    }
    if (!this.#makeRoom(org, subject, data.length)) {
      return this.#blame(subject, `comes on top of ${nodesMax} nodes or too much of what they say; it does not count`);
    }
    const { node, templates } = parsed.data;
    this.#nodes.set(subject, { org, node, templates, seenMs: this.#clock.now(), isAway: false, bytes: data.length });
    this.#wake();
  }

  /** Finds out who has fallen silent; to be called twice a second or so. */
  judge(): void {
    if (this.#sinceMs === undefined) return;
    const now = this.#clock.now();
    if (now - this.#judgedMs > sleptMs) this.#trustMs = now + listenFirstMs;
    this.#judgedMs = now;
    if (!this.#canJudge) return;
    for (const [subject, node] of this.#nodes) {
      node.isAway = now - node.seenMs > awayAfterMs;
      if (now - node.seenMs > forgottenMs) this.#nodes.delete(subject);
    }
  }

  /** Whether a node has not been heard for longer than three seconds by one who would have heard it. */
  isAway(org: string, node: string): boolean {
    return this.#nodes.get(heartbeatSubject(org, node))?.isAway ?? this.#canJudge;
  }

  /** Settles when whoever is there has been heard, at once if that was long ago, or as soon as `isEnough` says. */
  async settled(isEnough: () => boolean = () => false): Promise<void> {
    const sinceMs = this.#sinceMs;
    if (sinceMs === undefined || isEnough()) return;
    const leftMs = sinceMs + settledMs - this.#clock.now();
    if (leftMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => (isEnough() || this.#sinceMs === undefined) && resolve();
    const stop = this.#clock.after(leftMs, resolve);
    this.#waiting.add(check);
    await promise;
    stop();
    this.#waiting.delete(check);
  }

  /** The nodes of an org, by name. */
  of(org: string): NodeInfo[] {
    const found = [...this.#nodes.values()].filter((node) => node.org === org);
    return found.sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  get #canJudge(): boolean {
    return this.#sinceMs !== undefined && this.#clock.now() >= this.#trustMs;
  }

  /** Whether a heartbeat has room among those of its org; nodes that are away give way to it. */
  #makeRoom(org: string, subject: string, bytes: number): boolean {
    const known = this.#nodes.get(subject);
    if (known && bytes <= known.bytes) return true;
    const others = [...this.#nodes].filter(([other, node]) => node.org === org && other !== subject);
    let count = others.length + 1;
    let sum = others.reduce((total, [, node]) => total + node.bytes, bytes);
    const isTooMuch = () => count > nodesMax || sum > nodesBytesMax;
    for (const [other, node] of others) {
      if (!isTooMuch()) break;
      if (!node.isAway) continue;
      this.#nodes.delete(other);
      count -= 1;
      sum -= node.bytes;
    }
    return !isTooMuch();
  }

  #blame(subject: string, why: string): void {
    if (this.#blamed.has(subject) || this.#blamed.size >= blamedMax) return;
    this.#blamed.add(subject);
    this.#report(new Error(`What is said on ${subject} ${why}`));
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}

/** A node as it is known here. */
export interface NodeInfo {
  readonly node: string;
  readonly templates: readonly TemplateInfo[];
  /** When it was heard last, in milliseconds since 1970. */
  readonly seenMs: number;
  readonly isAway: boolean;
}

interface Node extends NodeInfo {
  readonly org: string;
  /** How large its heartbeat is. */
  readonly bytes: number;
  isAway: boolean;
}

interface NodesParts {
  readonly clock: Clock;
  /** Hears once of everyone who says what is no heartbeat. */
  readonly report: (fault: unknown) => void;
}
