import { Failure } from "../protocol/failure.ts";
import type { LetterMetadata } from "../protocol/letter.ts";
import { decodeToken } from "../protocol/subject.ts";
import { anyBody, type InstanceRecord, instanceRecord, letterDraft, swarmStatus } from "./bodies.ts";
import { Crew } from "./crew.ts";
import { Desk, type DeskParts } from "./desk.ts";
import { Agent, Attack, Crack, Job } from "./entities.ts";
import { unawaited } from "./lane.ts";
import type { Tally } from "./outbox.ts";
import type { Receipt } from "./outlet.ts";
import { Run } from "./run.ts";
import { Task } from "./task.ts";
import type { ToolCall, ToolUser } from "./tool-call.ts";
import { Tools } from "./tools.ts";

/** A message to another agent. */
export interface Message {
  readonly from: string;
  readonly to: string;
  readonly message_type: string;
  readonly correlation_id?: string | undefined;
  /** Any JSON; nobody but the receiver reads it. */
  readonly payload: unknown;
}

/** A row of the table `instances`. */
export interface Instance {
  /** Says how it is now. */
  is(record: InstanceRecord): Promise<Receipt>;
  /** It is no more. */
  remove(): Promise<Receipt>;
}

const flushWithinMs = 10_000;

/**
 * Publishes what services and agents do.
 *
 * Every call settles when the message is stored, also when that takes long because nobody is there, and rejects with a Failure
 * when it never will be: its body is wrong (`invalid_body`), it is not allowed, the buffer is full, or the publisher was closed.
 * Nobody has to wait for it.
 */
export class Publisher implements AsyncDisposable {
  readonly #desk: Desk;
  readonly #onClose: () => void;
  readonly #crews = new Map<string, Crew>();
  readonly #calls = new Set<ToolCall>();
  #closing: Promise<Tally> | undefined;

  /** For `connect`, which is the way in. */
  constructor(parts: DeskParts, onClose: (publisher: Publisher) => void) {
    this.#desk = new Desk(parts);
    this.#onClose = () => onClose(this);
  }

  /** What became of everything so far. */
  get tally(): Tally {
    return this.#desk.tally;
  }

  /** A crew, which says how it is until it is offline or this process ends. */
  crew(id: string): Crew {
    const crew = this.#crews.get(id) ?? new Crew(this.#desk, id);
    this.#crews.set(id, crew);
    return crew;
  }

  /** The tools of an agent of a crew, within a run. */
  tools(user: ToolUser): Tools {
    return new Tools(this.#desk, user, this.#calls);
  }

  /** A run, possibly of a crew. */
  run(id: string, { crew }: { readonly crew?: string } = {}): Run {
    return new Run(this.#desk, id, crew);
  }

  /** A task of an instance. */
  task(instance: string, task: string): Task {
    return new Task(this.#desk, instance, task);
  }

  attack(id: string): Attack {
    return new Attack(this.#desk, id);
  }

  /** A part of an attack. */
  job(id: string): Job {
    return new Job(this.#desk, id);
  }

  agent(id: string): Agent {
    return new Agent(this.#desk, id);
  }

  /** Hashes that were cracked. */
  crack(id: string): Crack {
    return new Crack(this.#desk, id);
  }

  /** An instance that is not run by a node of Skein. */
  instance(name: string): Instance {
    const names = ["instances", name];
    return {
      is: (body) => this.#desk.state({ names, schema: instanceRecord, body }),
      remove: () => this.#desk.remove(names),
    };
  }

  /** The agents and tasks of a swarm. */
  readonly swarm = {
    agent: (id: string, status: string): Promise<Receipt> => this.#member("agents", id, status),
    task: (id: string, status: string): Promise<Receipt> => this.#member("tasks", id, status),
  } as const;

  /** Messages between agents; they need a gateway, and are refused where only NATS is. */
  readonly message = {
    send: (message: Message): Promise<LetterMetadata> => this.#desk.letter(letterDraft, message),
  } as const;

  /**
   * Publishes anything: to a subject below the org as it is written (`runs.r1`), or to one made of names (`["runs", "r/1"]`).
   * The same `id` within five minutes is the same message.
   */
  publish(place: string | readonly string[], body: object, { id }: { readonly id?: string } = {}): Promise<Receipt> {
    return this.#desk.state({ names: namesIn(place), schema: anyBody, body: { ...body }, id });
  }

  /** Deletes a row of a table. */
  remove(place: string | readonly string[]): Promise<Receipt> {
    return this.#desk.remove(namesIn(place));
  }

  /** Settles when everything so far is stored or dropped, after `deadlineMs` (10 s) at the latest, and says what became of it. */
  flush(deadlineMs: number = flushWithinMs): Promise<Tally> {
    return this.#desk.flush(deadlineMs);
  }

  /**
   * Ends what was begun: tools that have not ended have failed, crews are offline.
   *
   * For whoever ends a process by itself; `close` does that, too.
   */
  finish(): void {
    for (const call of [...this.#calls]) unawaited(call.end({ status: "error", reason: "its process ended" }));
    for (const crew of this.#crews.values()) crew.leave();
  }

  /** Finishes, flushes and hangs up. What is not stored within `deadlineMs` (10 s) is dropped, and told. */
  close(deadlineMs: number = flushWithinMs): Promise<Tally> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  /** Drops what is still waiting, and tells it: the process is gone in a moment. */
  abandon(): void {
    this.#desk.abandon(new Failure("bus_away", "The process ended before the message was stored"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(deadlineMs: number): Promise<Tally> {
    this.finish();
    await this.#desk.flush(deadlineMs);
    await this.#desk.close(new Failure("bus_away", "The publisher was closed before the message was stored"));
    this.#onClose();
    return this.tally;
  }

  #member(entity: string, id: string, status: string): Promise<Receipt> {
    return this.#desk.state({ names: ["swarm", entity, id], schema: swarmStatus, body: { status } });
  }
}

/** A token that is none is refused later, by name. */
function namesIn(place: string | readonly string[]): readonly string[] {
  if (typeof place !== "string") return place;
  return place.split(".").map((token) => decodeToken(token) ?? token);
}
