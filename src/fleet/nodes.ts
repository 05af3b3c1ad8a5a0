import { z } from "zod";
import type { Said } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { type Heartbeat, heartbeatSubject, type TemplateInfo } from "../protocol/instance.ts";
import { splitSubject } from "../protocol/subject.ts";
import { jsonIn } from "./row.ts";

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

const heartbeat: z.ZodType<Heartbeat> = z.object({
  node: z.string().min(1),
  templates: z.array(
    z.object({ name: z.string(), description: z.string(), params: z.record(z.string(), z.string().nullable()) }),
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
    const parsed = heartbeat.safeParse(jsonIn(data));
    if (org === undefined || !parsed.success || heartbeatSubject(org, parsed.data.node) !== subject) {
      return this.#blame(subject);
    }
    const { node, templates } = parsed.data;
    this.#nodes.set(subject, { org, node, templates, seenMs: this.#clock.now(), isAway: false });
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

  #blame(subject: string): void {
    if (this.#blamed.has(subject)) return;
    this.#blamed.add(subject);
    this.#report(new Error(`What is said on ${subject} is no heartbeat of that node; its node does not count`));
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
  isAway: boolean;
}

interface NodesParts {
  readonly clock: Clock;
  /** Hears once of everyone who says what is no heartbeat. */
  readonly report: (fault: unknown) => void;
}
