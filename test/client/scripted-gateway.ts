import type { AnyFrame } from "../../src/client/index.ts";
import { eventStream, plain, type ScriptedRequest, type ScriptedSocket, type ScriptedWorld } from "./scripted-world.ts";

/** How many missed frames are replayed; for more a snapshot is the better answer. */
const mostReplayed = 3;

/** One client's view of one stream. */
interface Follower {
  readonly stream: string;
  tell(frame: AnyFrame): void;
}

/** What a connection is to the gateway. */
interface Visitor {
  readonly followers: Map<string, Follower>;
  /** Ends it from here, as if the wire was cut. */
  cut(code: number): void;
  /** Says something that is no stream's. */
  say?(frame: AnyFrame): void;
}

/** The stores behind the streams `runs/r`, a list, and `instances`, a table; and how they are told, as docs/protocol.md has it. */
export class ScriptedGateway {
  blocked: ReadonlySet<string> = new Set();
  readonly #world: ScriptedWorld;
  readonly #visitors = new Set<Visitor>();
  readonly #heard = new Map<ScriptedSocket, number>();
  #asked = 0;
  #sockets = 0;
  #held: (() => boolean)[] = [];
  #epoch = 1;
  #events: AnyFrame[] = [];
  #changes: AnyFrame[] = [];
  #rows = new Map<string, string>();

  constructor(world: ScriptedWorld) {
    this.#world = world;
  }

  get events(): readonly unknown[] {
    return this.#events.map(({ n }) => n);
  }

  get rows(): ReadonlyMap<string, string> {
    return this.#rows;
  }

  /** Hears what was said since it was last asked to, and answers. */
  listen(): void {
    for (const socket of this.#world.sockets.slice(this.#sockets)) this.#accept(socket);
    this.#sockets = this.#world.sockets.length;
    for (const [socket, from] of this.#heard) {
      this.#heard.set(socket, socket.sent.length);
      for (const message of socket.sent.slice(from)) this.#take(socket, message);
    }
    for (const request of this.#world.requests.slice(this.#asked)) this.#answer(request);
    this.#asked = this.#world.requests.length;
    this.#held = this.#held.filter((answered) => !answered());
  }

  publish(): void {
    const frame = { type: "task_start", n: this.#events.length, cursor: this.#cursor(this.#events.length + 1) };
    this.#events.push(frame);
    this.#tell("runs/r", frame);
  }

  store(name: string, status: string): void {
    const isNew = !this.#rows.has(name);
    this.#rows.set(name, status);
    const cursor = this.#cursor(this.#changes.length + 1);
    const frame = isNew
      ? { type: "instance_created", ...row(name, status), cursor }
      : { type: "status_changed", name, status, pid: null, cursor };
    this.#changes.push(frame);
    this.#tell("instances", frame);
  }

  cut(code: number): void {
    for (const visitor of [...this.#visitors]) visitor.cut(code);
    this.#visitors.clear();
  }

  /** Everybody fell behind and begins anew. */
  lag(): void {
    for (const { stream, tell } of this.#followers()) for (const frame of this.#snapshot(stream, "lagged")) tell(frame);
  }

  /** No stream can be told just now. */
  falter(): void {
    for (const visitor of this.#visitors) {
      for (const [tag, { tell }] of visitor.followers) {
        tell({ type: "error", code: "bus_away", message: "The bus is away" });
        tell({ type: "unsubscribed", reason: "bus_away" });
        visitor.followers.delete(tag);
      }
    }
  }

  expire(): void {
    for (const { say } of this.#visitors) say?.({ type: "token_expiring", connection: "c" });
  }

  /** The stores are wiped; whoever was there begins anew. */
  wipe(): void {
    this.#epoch += 1;
    this.#events = [];
    this.#changes = [];
    this.#rows = new Map();
    for (const { stream, tell } of this.#followers()) for (const frame of this.#snapshot(stream, "resync")) tell(frame);
  }

  #followers(): Follower[] {
    return [...this.#visitors].flatMap(({ followers }) => [...followers.values()]);
  }

  #tell(name: string, frame: AnyFrame): void {
    for (const { stream, tell } of this.#followers()) if (stream === name) tell(frame);
  }

  #cursor(position: number): string {
    return `${this.#epoch}-${position}`;
  }

  #snapshot(stream: string, reason?: string): AnyFrame[] {
    const why = reason === undefined ? {} : { reason };
    const cursor = this.#cursor(this.#changes.length);
    if (stream === "runs/r")
      return [{ type: "snapshot", count: this.#events.length, ...why, cursor: this.#cursor(0) }, ...this.#events];
    const instances = [...this.#rows].map(([name, status]) => row(name, status));
    return [{ type: "snapshot", instances, include_archived: false, ...why, cursor }];
  }

  #greet(stream: string, since: string | undefined): AnyFrame[] {
    if (since === undefined) return this.#snapshot(stream);
    const [epoch, position] = since.split("-").map(Number);
    const all = stream === "runs/r" ? this.#events : this.#changes;
    const missed = all.slice(position);
    if (epoch !== this.#epoch || missed.length > mostReplayed) return this.#snapshot(stream, "expired");
    return [
      { type: "resumed", replayed: missed.length, cursor: missed.length > 0 ? since : this.#cursor(all.length) },
      ...missed,
    ];
  }

  #accept(socket: ScriptedSocket): void {
    if (socket.isClosed) return;
    if (this.blocked.has("ws")) return socket.end(1006);
    const followers = new Map<string, Follower>();
    const visitor: Visitor = { followers, cut: (code) => socket.end(code), say: (frame) => socket.say(frame) };
    this.#visitors.add(visitor);
    this.#heard.set(socket, 0);
    this.#bySocket.set(socket, visitor);
    socket.open();
  }

  readonly #bySocket = new Map<ScriptedSocket, Visitor>();

  #take(socket: ScriptedSocket, { type, stream, since }: Record<string, unknown>): void {
    const visitor = this.#bySocket.get(socket);
    if (!visitor || !this.#visitors.has(visitor)) return;
    if (socket.isClosed) return void this.#visitors.delete(visitor);
    if (type === "ping") return socket.say({ type: "pong" });
    const tag = String(stream);
    const tell = (frame: AnyFrame) => socket.say({ stream: tag, frame });
    if (type === "unsubscribe") {
      if (visitor.followers.delete(tag)) tell({ type: "unsubscribed" });
      else tell({ type: "error", code: "conflict", message: "It is not followed here" });
    }
    if (type !== "subscribe") return;
    const [name = ""] = tag.split("?");
    visitor.followers.set(tag, { stream: name, tell });
    for (const frame of this.#greet(name, since === undefined ? undefined : String(since))) tell(frame);
  }

  #answer(request: ScriptedRequest): void {
    const { pathname, searchParams } = new URL(request.url);
    const [, kind = ""] = /prefix\/(sse|poll|api)/.exec(pathname) ?? [];
    if (request.aborted()) return;
    if (this.blocked.has(kind)) return request.fail();
    if (kind === "sse") this.#stream(request, searchParams.getAll("stream"));
    else if (kind === "poll") this.#poll(request, new URL(request.url));
    else request.respond(plain(200, {}));
  }

  #stream(request: ScriptedRequest, tags: readonly string[]): void {
    const { answer, push, end } = eventStream();
    const say = (frame: unknown) => {
      if (!request.aborted()) push(`data: ${JSON.stringify(frame)}\n\n`);
    };
    const followers = new Map<string, Follower>();
    this.#visitors.add({ followers, cut: end, say });
    request.respond(answer);
    push("retry: 1000\n\n");
    for (const tag of tags) {
      const [name = "", query = ""] = tag.split("?");
      const tell = (frame: AnyFrame) => say({ stream: tag, frame });
      followers.set(tag, { stream: name, tell });
      for (const frame of this.#greet(name, new URLSearchParams(query).get("since") ?? undefined)) tell(frame);
    }
  }

  #poll(request: ScriptedRequest, { pathname, searchParams }: URL): void {
    const stream = pathname.replace(/.*\/poll\//, "");
    const since = searchParams.get("since") ?? undefined;
    const answered = (): boolean => {
      if (request.aborted()) return true;
      const frames = this.#greet(stream, since);
      const news = frames.filter(({ type }) => type !== "resumed");
      if (news.length === 0 && searchParams.has("wait") && !this.blocked.has("poll")) return false;
      const cursor = frames.at(-1)?.cursor ?? "";
      request.respond(plain(200, news, { "Skein-Cursor": cursor }));
      return true;
    };
    if (!answered()) this.#held.push(answered);
  }
}

function row(name: string, status: string): { name: string; status: string; port: null; pid: null; archived_at: null } {
  return { name, status, port: null, pid: null, archived_at: null };
}
