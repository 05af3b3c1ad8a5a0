import type { Bus, Stored, Table } from "../../src/bus/bus.ts";
import type { Stop } from "../../src/protocol/clock.ts";
import { Failure } from "../../src/protocol/failure.ts";
import {
  type CommandAnswer,
  type CommandRequest,
  heartbeatSubject,
  type InstanceRecord,
  type InstanceStatus,
  instancesTable,
  managedSubject,
  supervisorSubject,
  type TemplateInfo,
} from "../../src/protocol/instance.ts";

const org = "default";
const utf8 = new TextEncoder();

export const echo: TemplateInfo = { name: "echo", description: "Says what it hears", params: { word: "hello" } };

/** A node elsewhere, as the bus knows it: it keeps the records of its instances, answers commands and says that it is there. */
export class RemoteNode implements Disposable {
  /** The commands that it has carried out, in order. */
  readonly done: string[] = [];
  readonly #bus: Bus;
  readonly #node: string;
  readonly #templates: readonly TemplateInfo[];
  readonly #table: Table;
  readonly #answers = new Map<string, CommandAnswer>();
  #stops: Stop[] = [];

  private constructor(bus: Bus, { node, templates, table }: Parts) {
    this.#bus = bus;
    this.#node = node;
    this.#templates = templates;
    this.#table = table;
  }

  static async start(bus: Bus, node: string, templates: readonly TemplateInfo[] = [echo]): Promise<RemoteNode> {
    const table = await bus.table(instancesTable);
    const remote = new RemoteNode(bus, { node, templates, table });
    remote.comeBack();
    return remote;
  }

  /** Says that it is there. */
  beat(): void {
    const heartbeat = { node: this.#node, templates: this.#templates };
    this.#bus.publish(heartbeatSubject(org, this.#node), utf8.encode(JSON.stringify(heartbeat)));
  }

  /** Says it every second from now on, and takes commands. */
  comeBack(): void {
    const answer = async (data: Uint8Array) => utf8.encode(JSON.stringify(await this.#answer(parse(data))));
    const timer = setInterval(() => this.beat(), 1000);
    this.#stops = [
      this.#bus.reply(supervisorSubject(org, this.#node), ({ data }) => answer(data)),
      () => clearInterval(timer),
    ];
    this.beat();
  }

  /** Dies without a word; its records stay. */
  die(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Writes a record of its own, as after something that happened to the instance. */
  async turn(name: string, status: InstanceStatus): Promise<void> {
    const stored = await this.#table.get(subjectOf(name));
    if (stored) await this.#put({ ...parse<InstanceRecord>(stored.data), status }, stored.position);
  }

  /** Publishes any body as the record of an instance. */
  async publish(name: string, body: string): Promise<void> {
    await this.#table.put(subjectOf(name), utf8.encode(body));
  }

  [Symbol.dispose](): void {
    this.die();
  }

  async #answer(request: CommandRequest): Promise<CommandAnswer> {
    const { command, name, id } = request;
    const key = id === undefined ? undefined : `${command} ${name} ${id}`;
    const known = this.#answers.get(key ?? "");
    if (known) return { ...known, duplicate: true };
    const answer = { instance: await this.#carryOut(request), duplicate: false };
    this.done.push(`${command} ${name}`);
    if (key !== undefined) this.#answers.set(key, answer);
    return answer;
  }

  async #carryOut({
    command,
    name,
    template = "",
    params = {},
    as = "",
  }: CommandRequest): Promise<InstanceRecord | null> {
    if (command === "create") return this.#create({ name, template, params });
    const stored = await this.#table.get(subjectOf(name));
    if (!stored) throw new Failure("instance_not_found", `No instance named '${name}'`);
    const record = parse<InstanceRecord>(stored.data);
    if (command === "clone") return this.#create({ ...record, name: as, params: { ...record.params, ...params } });
    if (command === "delete") return this.#delete(stored);
    if (command === "archive") return this.#put({ ...record, archived_at: "2026-02-20T01:23:45Z" }, stored.position);
    if (command === "unarchive") return this.#put({ ...record, archived_at: null }, stored.position);
    const status = command === "stop" ? "stopped" : "running";
    if (command !== "restart" && record.status === status) throw new Failure("conflict", `'${name}' is ${status}`);
    return this.#put({ ...record, status, pid: status === "running" ? 4711 : null }, stored.position);
  }

  #create({ name, template, params }: Pick<InstanceRecord, "name" | "template" | "params">): Promise<InstanceRecord> {
    if (!this.#templates.some((one) => one.name === template)) {
      throw new Failure("unknown_template", `Node '${this.#node}' has no template '${template}'`);
    }
    const unborn = {
      status: "stopped",
      port: 18_800,
      pid: null,
      archived_at: null,
      exit_code: null,
      restarts: 0,
    } as const;
    return this.#put({ ...unborn, name, node: this.#node, template, params, created_at: "2026-02-20T01:23:45Z" }, 0);
  }

  async #delete({ subject, position }: Stored): Promise<null> {
    await this.#table.put(subject, new Uint8Array(0), { expected: position });
    return null;
  }

  async #put(record: InstanceRecord, expected: number): Promise<InstanceRecord> {
    await this.#table.put(subjectOf(record.name), utf8.encode(JSON.stringify(record)), { expected });
    return record;
  }
}

function subjectOf(name: string): string {
  return managedSubject(org, name);
}

function parse<Body>(data: Uint8Array): Body {
  return JSON.parse(new TextDecoder().decode(data)) as Body;
}

interface Parts {
  readonly node: string;
  readonly templates: readonly TemplateInfo[];
  readonly table: Table;
}
