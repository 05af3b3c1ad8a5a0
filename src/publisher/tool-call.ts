import type { z } from "zod";
import type { Stop } from "../protocol/clock.ts";
import { anyBody, type ToolOutcome, type ToolParams, toolOutcome, toolProgress } from "./bodies.ts";
import type { Desk } from "./desk.ts";
import { unawaited } from "./lane.ts";
import type { Receipt } from "./outlet.ts";

/** Who uses a tool. */
export interface ToolUser {
  readonly crew: string;
  readonly run?: string | undefined;
  readonly agent?: string | undefined;
}

/** How long gateways wait for a word of a tool before they say that it has ended, in seconds. */
const leaseS = 30;
/** A word that is late or lost is no reason to say so. */
const renewEveryMs = 8_000;

/** One call of a tool, from its start to its end; should this process die, gateways end it. */
export class ToolCall {
  /** Tells it apart from other calls of the same tool. */
  readonly id = crypto.randomUUID();
  readonly #desk: Desk;
  readonly #user: ToolUser & { readonly tool: string };
  readonly #onEnd: () => void;
  readonly #beganMs: number;
  #saidMs: number;
  #stop: Stop = () => {};
  #end: Promise<Receipt> | undefined;

  constructor(desk: Desk, user: ToolUser & { readonly tool: string }, onEnd: () => void) {
    this.#desk = desk;
    this.#user = user;
    this.#onEnd = onEnd;
    this.#beganMs = desk.clock.now();
    this.#saidMs = this.#beganMs;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Says that it starts. */
  begin(schema: z.ZodType<unknown, { tool: string; params?: ToolParams | undefined }>, params: ToolParams): void {
    const { tool } = this.#user;
    unawaited(this.#say("tool_start", { schema, body: { tool, params }, also: { lease_s: leaseS } }));
    this.#stop = this.#desk.clock.every(renewEveryMs, () => this.#renew());
  }

  /** Says how far it is, from 0 to 1 or undefined, and in words. After its end nothing is said any more. */
  progress(fraction: number | undefined, message?: string): Promise<Receipt> {
    if (this.#end) return this.#end;
    this.#saidMs = this.#desk.clock.now();
    const body = { ...(fraction !== undefined && { progress: fraction }), ...(message !== undefined && { message }) };
    return this.#say("tool_progress", { schema: toolProgress, body });
  }

  /** Says how it ended; only the first time counts. The status follows from the exit code, which is 0 when nothing is said. */
  end(outcome: ToolOutcome = {}): Promise<Receipt> {
    if (this.#end) return this.#end;
    this.#stop();
    this.#onEnd();
    const { exit_code = outcome.status === "error" ? 1 : 0 } = outcome;
    const { status = exit_code === 0 ? "success" : "error" } = outcome;
    const duration_s = Math.max(0, this.#desk.clock.now() - this.#beganMs) / 1000;
    const body = { ...outcome, exit_code, status };
    this.#end = this.#say("tool_end", { schema: toolOutcome, body, also: { duration_s } });
    return this.#end;
  }

  /** While nobody is there, words of that kind are not worth keeping. */
  #renew(): void {
    if (this.#desk.isAway || this.#desk.clock.now() - this.#saidMs < renewEveryMs / 2) return;
    const also = { type: "tool_lease", call_id: this.id };
    unawaited(this.#desk.event({ names: ["graph", this.#user.crew], schema: anyBody, body: {}, also }));
  }

  #say<Body>(type: string, said: Said<Body>): Promise<Receipt> {
    const { crew, run, agent, tool } = this.#user;
    const by = { ...(run !== undefined && { run_id: run }), ...(agent !== undefined && { agent_id: agent }) };
    const also = { type, crew_id: crew, ...by, tool, call_id: this.id, ...said.also };
    return this.#desk.event({ names: ["graph", crew], schema: said.schema, body: said.body, also });
  }
}

interface Said<Body> {
  readonly schema: z.ZodType<unknown, Body>;
  readonly body: Body;
  readonly also?: Readonly<Record<string, unknown>>;
}
