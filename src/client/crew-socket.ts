import type { Refusal, Stop, TokenSource } from "./skein.ts";

/** How a connection of one stream is doing. */
export interface SocketStatus {
  /**
   * `idle`: not connected, and nobody wants it to be. `connecting`: no frame yet. `live`. `waiting`: it was lost and is tried again.
   * `lost`: it was lost and is not tried again by itself. `refused`: to try again makes no sense. `over`: the stream is done.
   */
  readonly state: "idle" | "connecting" | "live" | "waiting" | "lost" | "refused" | "over";
  readonly refusal?: Refusal;
}

/** What one connection needs. */
export interface SocketPlan {
  /** The address, `ws:` or `wss:`. */
  readonly url: string;
  readonly token: TokenSource | undefined;
  /** How often it is tried again after a loss; a frame that comes begins the count anew. */
  readonly attempts: number;
  readonly delayMs: number;
}

interface Said {
  readonly type: string;
  readonly cursor?: string;
  readonly code?: string;
  readonly message?: string;
}

/** How often the gateway is told that somebody is there. Three times as long a silence means that it is not. */
const pingMs = 30_000;
const silentMs = 3 * pingMs;

/** Close codes after which to try again makes no sense. */
const final = new Set([1008, 1009, 4400, 4401, 4403, 4404, 4410]);

/** Frames of the connection, which tell nothing of the stream. */
const ours = new Set(["pong", "token_expiring", "authenticated"]);

/** One stream over one WebSocket, which is tried again a few times and goes on where it was. */
export class CrewSocket<Frame> {
  readonly #plan: SocketPlan;
  readonly #listeners = new Set<(event: Frame) => void>();
  readonly #watchers = new Set<(status: SocketStatus) => void>();
  #status: SocketStatus = { state: "idle" };
  #socket: WebSocket | undefined;
  #cursor = "";
  #failures = 0;
  /** Counts connects and disconnects: what belongs to an older one no longer matters. */
  #turn = 0;

  constructor(plan: SocketPlan) {
    this.#plan = plan;
  }

  get status(): SocketStatus {
    return this.#status;
  }

  /** Calls the listener with every event from now on. */
  subscribe(listener: (event: Frame) => void): Stop {
    const own = (event: Frame) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Calls the listener now and at each change. */
  onStatus(listener: (status: SocketStatus) => void): Stop {
    const own = (status: SocketStatus) => listener(status);
    this.#watchers.add(own);
    own(this.#status);
    return () => this.#watchers.delete(own);
  }

  /** Connects, unless it is connected or about to be. Later it goes on after the last event that it had. */
  connect(): void {
    if (/connecting|live|waiting/.test(this.#status.state)) return;
    this.#failures = 0;
    this.#open();
  }

  /** Ends the connection. */
  disconnect(): void {
    this.#turn += 1;
    this.#socket?.close();
    this.#socket = undefined;
    this.#tell({ state: "idle" });
  }

  #tell(status: SocketStatus): void {
    this.#status = status;
    callAll(this.#watchers, status);
  }

  async #open(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#tell({ state: "connecting" });
    const token = await this.#token();
    if (turn !== this.#turn) return;
    const url = new URL(this.#plan.url);
    if (this.#cursor) url.searchParams.set("since", this.#cursor);
    try {
      this.#follow(new WebSocket(url, token === undefined ? [] : ["token", token]));
    } catch {
      // A browser takes no token with white space or the like.
      this.#tell({
        state: "refused",
        refusal: { code: "token_invalid", message: "The token has a form that none has" },
      });
    }
  }

  /** A provider that fails is as good as one without a token: the gateway says what it thinks of that. */
  async #token(): Promise<string | undefined> {
    const { token } = this.#plan;
    try {
      return typeof token === "function" ? await token() : token;
    } catch {
      return undefined;
    }
  }

  #follow(socket: WebSocket): void {
    this.#socket = socket;
    let heardMs = Date.now();
    let refusal: Refusal | undefined;
    const timer = setInterval(() => {
      if (Date.now() - heardMs >= silentMs) ended(1006);
      else if (socket.readyState === socket.OPEN) socket.send('{"type":"ping"}');
    }, pingMs);
    const ended = (code: number) => {
      clearInterval(timer);
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      socket.close();
      this.#end(code, refusal);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      heardMs = Date.now();
      const said: Said = JSON.parse(String(data));
      if (said.type === "error" && said.code) refusal = { code: said.code, message: said.message ?? "" };
      else if (said.type === "token_expiring") this.#renew(socket);
      else if (!ours.has(said.type)) this.#hear(said);
    };
    socket.onclose = ({ code }) => ended(code);
  }

  #hear(said: Said): void {
    this.#failures = 0;
    this.#cursor = said.cursor ?? this.#cursor;
    if (this.#status.state !== "live") this.#tell({ state: "live" });
    callAll(this.#listeners, said as Frame);
  }

  async #renew(socket: WebSocket): Promise<void> {
    const token = await this.#token();
    if (this.#socket === socket && token !== undefined) socket.send(JSON.stringify({ type: "auth", token }));
  }

  #end(code: number, refusal: Refusal | undefined): void {
    const why = refusal && { refusal };
    const hasFresh = code === 4401 && typeof this.#plan.token === "function";
    if (code === 1000) return this.#tell({ state: "over" });
    if (final.has(code) && !hasFresh) return this.#tell({ state: "refused", ...why });
    if (this.#failures >= this.#plan.attempts) return this.#tell({ state: "lost", ...why });
    this.#failures += 1;
    const turn = this.#turn;
    this.#tell({ state: "waiting", ...why });
    setTimeout(() => turn === this.#turn && this.#open(), this.#plan.delayMs);
  }
}

/** Calls every listener, also when one of them fails; its failure is then nobody's but its own. */
export function callAll<Value>(listeners: ReadonlySet<(value: Value) => void>, value: Value): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (fault) {
      queueMicrotask(() => {
        throw fault;
      });
    }
  }
}
