import type { z } from "zod";
import * as bodies from "./bodies.ts";
import type { Desk, Statement } from "./desk.ts";
import type { Receipt } from "./outlet.ts";

/** What is said of one attack, job, agent or crack of the streams `live/…`. */
class Entity {
  readonly #desk: Desk;
  readonly #names: readonly string[];

  constructor(desk: Desk, ...names: readonly string[]) {
    this.#desk = desk;
    this.#names = names;
  }

  protected say<Body>(type: string, schema: z.ZodType<unknown, Body>, body: Body): Promise<Receipt> {
    const statement: Statement<Body> = { names: this.#names, schema, body, also: { type } };
    return this.#desk.event(statement);
  }
}

/** An attack, on the stream `live/campaigns`. */
export class Attack extends Entity {
  constructor(desk: Desk, id: string) {
    super(desk, "attacks", id);
  }

  /** Its state is another one. */
  changed(body: bodies.AttackChange): Promise<Receipt> {
    return this.say("attack.state_changed", bodies.attackChange, body);
  }

  progress(body: bodies.AttackProgress): Promise<Receipt> {
    return this.say("attack.progress", bodies.attackProgress, body);
  }
}

/** A job, which is a part of an attack, on the stream `live/campaigns`. */
export class Job extends Entity {
  constructor(desk: Desk, id: string) {
    super(desk, "jobs", id);
  }

  /** Its state is another one. */
  changed(body: bodies.JobChange): Promise<Receipt> {
    return this.say("job.state_changed", bodies.jobChange, body);
  }

  progress(body: bodies.JobProgress): Promise<Receipt> {
    return this.say("job.progress", bodies.jobProgress, body);
  }
}

/** An agent, on the stream `live/agents`. */
export class Agent extends Entity {
  constructor(desk: Desk, id: string) {
    super(desk, "agents", id);
  }

  /** It is there. */
  heartbeat(body: bodies.AgentHeartbeat = {}): Promise<Receipt> {
    return this.say("agent.heartbeat", bodies.agentHeartbeat, body);
  }

  /** Its state is another one. */
  changed(body: bodies.AgentChange): Promise<Receipt> {
    return this.say("agent.state_changed", bodies.agentChange, body);
  }

  error(body: bodies.AgentError): Promise<Receipt> {
    return this.say("agent.error", bodies.agentError, body);
  }
}

/** Hashes that were cracked, on the stream `live/toasts`. */
export class Crack extends Entity {
  constructor(desk: Desk, id: string) {
    super(desk, "cracks", id);
  }

  /** That they were; never what they were. */
  submitted(body: bodies.CrackSubmission): Promise<Receipt> {
    return this.say("crack.submitted", bodies.crackSubmission, body);
  }
}
