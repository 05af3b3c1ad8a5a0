import { Hono } from "hono";
import type { Ack, Bus, Journal, Stored, Table, Terms } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import { subjectOf } from "../protocol/subject.ts";
import { accept } from "../stream/accept.ts";
import { requireNames } from "../stream/access.ts";
import type { Definition, StoredDefinition } from "../stream/define.ts";
import { type Params, segmentsOf } from "../stream/path.ts";
import { journalOf, ownedTailOf, storeOf, tailOf } from "../stream/subject.ts";
import { readBody } from "./body.ts";
import type { Admitted, Call } from "./entrance.ts";
import { idempotencyKey } from "./idempotency-key.ts";

/**
 * `POST /api/publish/<subject tail>` publishes, and `DELETE` deletes a row of a table, for services that do not speak NATS.
 *
 * Deleting is idempotent: a row that is not there is as good as deleted.
 */
export function publishRoutes({ bus, definitions, now, maxBodyBytes }: PublishParts): Hono<Admitted> {
  const stores = new Stores(bus);
  const published = definitions.filter((definition) => definition.kind === "table" || definition.kind === "feed");
  const targetOf = ({ req, var: { principal } }: Call) => {
    const target = find(published, req.path.replace(/^.*?\/publish\//, ""));
    requireNames(target.definition.access, principal, target.names);
    return target;
  };
  return new Hono<Admitted>()
    .post("/:tail{.+}", async (context) => {
      const target = targetOf(context);
      const { definition, names } = target;
      const body = await readBody(context, maxBodyBytes);
      if (body.length === 0) throw new Failure("invalid_body", "The body is empty; to delete a row use DELETE");
      const said = accept(definition, { names, atMs: now() }, body);
      requireNames(definition.access, context.var.principal, said);
      const stored = await stores.take(context, target, body);
      return context.json(stored, stored.duplicate ? 200 : 201);
    })
    .delete("/:tail{.+}", async (context) => {
      const target = targetOf(context);
      if (target.definition.kind !== "table")
        throw new Failure("bad_request", "An event that happened is not deleted; DELETE is for the rows of tables");
      return context.json(await stores.take(context, target, new Uint8Array(0)));
    });
}

interface PublishParts {
  readonly bus: Bus;
  readonly definitions: readonly Definition[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly maxBodyBytes: number;
}

/** The stream that a subject's tail feeds, and the names in it. */
function find(definitions: readonly StoredDefinition[], path: string): Target {
  const segments = segmentsOf(path);
  for (const definition of definitions) {
    const names = definition.subjectPattern.match(segments);
    if (names && !Object.values(names).includes("")) return { definition, names };
  }
  const known = definitions.map(({ subject }) => subject.replaceAll(".", "/")).join(", ");
  throw new Failure("unknown_subject", `Nothing is published under "${echoed(path)}"; known are ${known}`);
}

interface Target {
  readonly definition: StoredDefinition;
  readonly names: Params;
}

/** A row as it is; one that is none is nobody's. */
function rowIn(definition: StoredDefinition, names: Params, { atMs, data }: Stored): unknown {
  try {
    return accept(definition, { names, atMs }, data);
  } catch {
    return {};
  }
}

interface Publication extends Terms {
  readonly subject: string;
  readonly body: Uint8Array;
}

/** What is answered to what was stored. */
interface Taken extends Ack {
  readonly subject: string;
}

/** The tables and journals of the definitions, opened at their first use. */
class Stores {
  readonly #bus: Bus;
  readonly #tables = new Map<StoredDefinition, Promise<Table>>();
  readonly #journals = new Map<StoredDefinition, Promise<Journal>>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Stores what a call says, where its caller may; an empty body deletes a row. Throws `forbidden`, `bus_away`, `conflict`, `owned_by_node`. */
  async take({ req, var: { principal } }: Call, { definition, names }: Target, body: Uint8Array): Promise<Taken> {
    const subject = subjectOf(principal.org, tailOf(definition, names));
    const key = idempotencyKey(req);
    await this.#refuseOwned(definition, principal.org, names);
    const isLimited = definition.kind === "table" && principal.scope !== undefined;
    const present = isLimited ? await this.#present(definition, subject) : undefined;
    if (present) requireNames(definition.access, principal, rowIn(definition, names, present));
    const { position, duplicate } = await this.#store(definition, {
      subject,
      body,
      // The key is the caller's own word: under another subject it means another message.
      ...(key !== undefined && { id: `${subject} ${key}` }),
      // What the caller may replace is the row that was looked at, and no other.
      ...(isLimited && { expected: present?.position ?? 0 }),
    });
    return { subject, position, duplicate };
  }

  /** Throws `owned_by_node` while a node owns the row of those names. A row that comes right after is rejected once stored. */
  async #refuseOwned(definition: StoredDefinition, org: string, names: Params): Promise<void> {
    const tail = definition.kind === "table" ? ownedTailOf(definition, names) : undefined;
    if (tail === undefined || !(await this.#present(definition, subjectOf(org, tail)))) return;
    const name = Object.values(names).map(echoed).join("/");
    throw new Failure(
      "owned_by_node",
      `A node runs '${name}', and only commands to it change its row: say skein restart, down or rm, or call /api/instances`,
    );
  }

  async #store(definition: StoredDefinition, { subject, body, ...terms }: Publication): Promise<Ack> {
    this.#requireBus();
    if (definition.kind === "feed") {
      const journal = await opened(this.#journals, definition, () => this.#bus.journal(journalOf(definition)));
      return journal.append(subject, body, terms.id);
    }
    return (await this.#table(definition)).put(subject, body, terms);
  }

  /** The row that is there. */
  async #present(definition: StoredDefinition, subject: string): Promise<Stored | undefined> {
    this.#requireBus();
    return (await this.#table(definition)).get(subject);
  }

  #table(definition: StoredDefinition): Promise<Table> {
    return opened(this.#tables, definition, () => this.#bus.table(storeOf(definition)));
  }

  #requireBus(): void {
    if (this.#bus.state === "away") throw new Failure("bus_away", "The bus is away; nothing was stored, try again");
  }
}

/** The store of a definition, opened once; a failure is forgotten, so that the next call tries again. */
async function opened<T>(
  stores: Map<StoredDefinition, Promise<T>>,
  definition: StoredDefinition,
  open: () => Promise<T>,
): Promise<T> {
  const known = stores.get(definition) ?? open();
  stores.set(definition, known);
  try {
    return await known;
  } catch (thrown) {
    stores.delete(definition);
    throw thrown;
  }
}
