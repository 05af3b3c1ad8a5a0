import { z } from "zod";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import {
  type Command,
  type CommandAnswer,
  commands,
  type InstanceRecord,
  templateParamsMax,
} from "../protocol/instance.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { identifierLengthMax, textBytesMax } from "../protocol/limits.ts";
import type { Roster } from "./roster.ts";
import { actOf } from "./transitions.ts";

const name = z.string().min(1).max(identifierLengthMax);
const params = z
  .record(name, z.string().max(textBytesMax))
  .refine((all) => Object.keys(all).length <= templateParamsMax, { error: `has more than ${templateParamsMax}` });

const requestShape = z.object({
  command: z.enum(commands),
  name,
  id: z.string().min(1).max(512).optional(),
  template: name.optional(),
  params: params.optional(),
  as: name.optional(),
});

type Request = z.infer<typeof requestShape>;

const rememberedMs = 5 * 60_000;
const mostRemembered = 10_000;

interface Done {
  readonly answer: Promise<InstanceRecord | null>;
  readonly atMs: number;
}

/** Takes commands in the order in which they come, for each name one at a time, and a command with an id once. */
export class Desk {
  readonly #roster: Roster;
  readonly #clock: Clock;
  /** What is under way for a name. */
  readonly #lines = new Map<string, Promise<unknown>>();
  /** What was done by command, name, copy and id, oldest first. */
  readonly #done = new Map<string, Done>();

  constructor(roster: Roster, clock: Clock) {
    this.#roster = roster;
    this.#clock = clock;
  }

  /** Answers a command. Throws the Failure that refuses it. */
  async answer(data: Uint8Array): Promise<CommandAnswer> {
    const request = parseRequest(data);
    if (request.id === undefined) return { instance: await this.#carryOut(request), duplicate: false };
    this.#forgetOld();
    const key = JSON.stringify([request.command, request.name, request.as, request.id]);
    const before = this.#done.get(key);
    if (before) return { instance: await before.answer, duplicate: true };
    const answer = this.#carryOut(request);
    this.#done.set(key, { answer, atMs: this.#clock.now() });
    try {
      return { instance: await answer, duplicate: false };
    } catch (thrown) {
      // What was refused was not done.
      this.#done.delete(key);
      throw thrown;
    }
  }

  /** Settles when nothing is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#lines.values());
  }

  #carryOut(request: Request): Promise<InstanceRecord | null> {
    const line = lineOf(request);
    const before = this.#lines.get(line) ?? Promise.resolve();
    const result = before.then(() => this.#do(request));
    // The command is answered with the reason; the next in line goes on.
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#lines.get(line) === settled) this.#lines.delete(line);
      });
    this.#lines.set(line, settled);
    return result;
  }

  async #do(request: Request): Promise<InstanceRecord | null> {
    const { command, name } = request;
    const instance = this.#roster.get(name);
    if (!instance && command !== "create") return this.#withoutInstance(request);
    const act = actOf(command, name, instance?.record);
    if (act === "create" || !instance) return this.#create(request);
    if (act === "copy") return this.#clone(instance.record, request);
    await instance.take(command);
    return command === "delete" ? null : instance.record;
  }

  /** A row may name this node of whose instance it knows nothing: then it can be deleted, and no more. */
  async #withoutInstance({ command, name }: Request): Promise<null> {
    const { orphans } = this.#roster;
    if (command === "delete" && (await orphans.discard(name))) return null;
    if (command !== "delete" && (await orphans.mark(name))) {
      throw new Failure("conflict", `This node knows nothing of "${name}", whatever its row says; delete it`);
    }
    throw new Failure("instance_not_found", `There is no instance "${name}" on this node`);
  }

  async #create({ name, template, params = {} }: Request): Promise<InstanceRecord> {
    if (template === undefined) throw new Failure("bad_request", '"template" is missing');
    return (await this.#roster.create({ name, template, params })).record;
  }

  async #clone(original: InstanceRecord, { as, params = {} }: Request): Promise<InstanceRecord> {
    if (as === undefined) throw new Failure("bad_request", '"as" is missing');
    actOf("create", as, this.#roster.get(as)?.record);
    return this.#create({
      command: "create",
      name: as,
      template: original.template,
      params: { ...original.params, ...params },
    });
  }

  #forgetOld(): void {
    const oldMs = this.#clock.now() - rememberedMs;
    for (const [key, { atMs }] of this.#done) {
      if (atMs > oldMs && this.#done.size < mostRemembered) return;
      this.#done.delete(key);
    }
  }
}

/** A clone waits for what is done to its copy's name: that is what two could want at once. */
function lineOf({ command, name, as }: { command: Command; name: string; as?: string | undefined }): string {
  return command === "clone" ? (as ?? name) : name;
}

function parseRequest(data: Uint8Array): Request {
  const result = requestShape.safeParse(maybeJsonIn(data));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.map(String).join(".");
  throw new Failure("bad_request", `A command is not understood: ${field || "it"} ${issue?.message ?? ""}`);
}
