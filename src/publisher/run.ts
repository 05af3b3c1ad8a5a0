import { runEvents } from "./bodies.ts";
import type { Desk } from "./desk.ts";
import type { Receipt } from "./outlet.ts";

/** What any event of a run may say besides. */
interface Further {
  readonly [field: string]: unknown;
}

/** How something of a run ended. */
export interface RunEnding extends Further {
  readonly status?: string;
  /** In seconds. */
  readonly duration_s?: number;
}

/** What a run does; after `done` its stream is over. */
export class Run {
  readonly #desk: Desk;
  readonly #id: string;
  readonly #crew: string | undefined;

  constructor(desk: Desk, id: string, crew: string | undefined) {
    this.#desk = desk;
    this.#id = id;
    this.#crew = crew;
  }

  /** The run begins. */
  boot(fields: Further & { readonly name?: string } = {}): Promise<Receipt> {
    return this.#say("boot", fields);
  }

  agentStart(agent: string, fields: Further = {}): Promise<Receipt> {
    return this.#say("agent_start", { ...fields, agent_id: agent });
  }

  agentEnd(agent: string, fields: RunEnding = {}): Promise<Receipt> {
    return this.#say("agent_end", { ...fields, agent_id: agent });
  }

  taskStart(
    task: string,
    fields: Further & { readonly agent_id?: string; readonly name?: string } = {},
  ): Promise<Receipt> {
    return this.#say("task_start", { ...fields, task_id: task });
  }

  taskEnd(task: string, fields: RunEnding & { readonly agent_id?: string } = {}): Promise<Receipt> {
    return this.#say("task_end", { ...fields, task_id: task });
  }

  /** Something went wrong; the run goes on. */
  error(
    message: string,
    fields: Further & { readonly agent_id?: string; readonly task_id?: string } = {},
  ): Promise<Receipt> {
    return this.#say("error", { ...fields, message });
  }

  /** The run is over. */
  done(fields: RunEnding & { readonly exit_code?: number | null } = {}): Promise<Receipt> {
    return this.#say("done", fields);
  }

  #say(type: keyof typeof runEvents, body: Further): Promise<Receipt> {
    const also = { type, run_id: this.#id, ...(this.#crew !== undefined && { crew_id: this.#crew }) };
    return this.#desk.event({ names: ["runs", this.#id], schema: runEvents[type], body, also });
  }
}
