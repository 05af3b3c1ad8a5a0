import { connect, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from "nats";
import { inBackground, isolate, type Report } from "../protocol/background.ts";
import { type Clock, pauseApart, type Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { BusState } from "./bus.ts";
import type { Login } from "./login.ts";
import { expiredAt } from "./tls.ts";
import { type Circumstances, codeOf, failureOf, troubleIn } from "./trouble.ts";

/** How to reach NATS. */
export interface ConnectionOptions {
  readonly login: Login;
  readonly clock: Clock;
  /** What inboxes begin with, for servers that give every user its own. */
  readonly inboxPrefix: string;
  /** Hears in words why NATS cannot be reached, at every attempt that fails. */
  readonly report: (trouble: string) => void;
  /** Takes what listeners throw. */
  readonly onException: Report;
}

/** What a request carries besides its subject. */
export interface Question {
  readonly data?: Uint8Array;
  readonly headers?: MsgHdrs;
  readonly timeoutMs: number;
}

interface Line {
  readonly subject: string;
  readonly listener: (message: Msg) => void;
  subscription: Subscription | undefined;
}

const settings = {
  name: "skein",
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  reconnectJitter: 250,
  reconnectJitterTLS: 250,
  // A server that restarts with its users not loaded yet is no reason to give up for good.
  ignoreAuthErrorAbort: true,
  pingInterval: 10_000,
  maxPingOut: 2,
  timeout: 5_000,
  noAsyncTraces: true,
} as const;

const drainAtMostMs = 2_000;
const askWhyEveryMs = 5_000;

/**
 * One connection to NATS that is never given up: lines opened on it are heard again after every reconnect.
 *
 * While it is away, what is published is dropped and what is asked fails at once with `bus_away`; the library would keep
 * neither.
 */
export class Connection {
  readonly clock: Clock;
  readonly #options: ConnectionOptions;
  readonly #lines = new Set<Line>();
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #waiting = new Set<(failure: Failure) => void>();
  #nats: NatsConnection | undefined;
  #state: BusState = "away";
  #closed = false;
  #inboxes = 0;
  #isAsking = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.clock = options.clock;
    inBackground("staying connected to NATS", this.#stay(), this.onException);
  }

  /** Takes an exception that no request can answer for. */
  get onException(): Report {
    return this.#options.onException;
  }

  get state(): BusState {
    return this.#state;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the server says that it has JetStream. */
  get hasJetStream(): boolean {
    return this.#nats?.info?.jetstream === true;
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** A subject of its own for answers, below the prefix this user may listen to. */
  inbox(): string {
    this.#inboxes += 1;
    return `${this.#options.inboxPrefix}.${crypto.randomUUID().replaceAll("-", "")}.${this.#inboxes}`;
  }

  /** Sends without waiting for anything. Throws `message_too_large` beyond what the server takes. */
  publish(subject: string, data?: Uint8Array, headers?: MsgHdrs): void {
    this.#send(() => this.#nats?.publish(subject, data, headers && { headers }));
  }

  /** Settles when the server has everything that was sent, or the connection is lost. */
  async flush(): Promise<void> {
    const nats = this.#nats;
    if (!nats || this.#state === "away") return;
    const lost = Promise.withResolvers<void>();
    const lose = () => lost.resolve();
    this.#waiting.add(lose);
    // What fails to leave is lost with its connection, which is promised to none who waits.
    await Promise.race([nats.flush().catch(() => {}), lost.promise]);
    this.#waiting.delete(lose);
  }

  /** Sends a question whose answers come to `reply`. */
  ask(subject: string, reply: string, data: Uint8Array): void {
    this.#send(() => this.#nats?.publish(subject, data, { reply }));
  }

  /**
   * Hears a subject through every reconnect; an exception in the listener ends that message only. Throws `bus_away` while the
   * connection drains.
   */
  subscribe(subject: string, listener: (message: Msg) => void): Stop {
    if (this.#nats?.isDraining() && !this.#nats.isClosed()) throw new Failure("bus_away", "The bus is closing");
    const line: Line = { subject, listener, subscription: undefined };
    this.#lines.add(line);
    this.#listen(line);
    return () => {
      if (!this.#lines.delete(line)) return;
      if (!this.#nats?.isClosed()) line.subscription?.unsubscribe();
    };
  }

  /**
   * Waits for one answer. Throws `no_responder` when nobody listens, `bus_away` when none came, an Error when it is not
   * allowed.
   */
  async request(subject: string, { data, headers, timeoutMs }: Question): Promise<Msg> {
    const nats = this.#nats;
    if (!nats || this.#state === "away") throw new Failure("bus_away", "The bus is away");
    const { promise, resolve, reject } = Promise.withResolvers<Msg>();
    this.#waiting.add(reject);
    const options = { timeout: Math.max(1, timeoutMs), ...(headers && { headers }) };
    nats.request(subject, data, options).then(resolve, (trouble) => reject(this.#failure(trouble)));
    return promise.finally(() => this.#waiting.delete(reject));
  }

  /** Hangs up after what was sent has left. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const nats = this.#nats;
    if (nats && this.#state === "up") {
      const late = Promise.withResolvers<void>();
      const stop = this.clock.after(drainAtMostMs, late.resolve);
      // It is closed next, whatever could not be drained.
      await Promise.race([nats.drain().catch(() => {}), late.promise]);
      stop();
    }
    // One that cannot be closed is closed already.
    await nats?.close().catch(() => {});
    this.#turn("away");
  }

  /** What cannot leave because the bus goes away is dropped. Throws a Failure, or an Error when it is not allowed. */
  #send(work: () => void): void {
    if (this.#state === "away") return;
    try {
      work();
    } catch (trouble) {
      const failure = this.#failure(trouble);
      if (!(failure instanceof Failure) || failure.code !== "bus_away") throw failure;
    }
  }

  /** Connects, and once more should the library ever give a connection up. */
  async #stay(): Promise<void> {
    while (!this.#closed) {
      try {
        const nats = await this.#dial();
        this.#watch(nats).catch((trouble) => this.#report(trouble));
        await nats.closed();
        this.#turn("away");
      } catch (trouble) {
        // That is also what the library says when the server hung up on our certificate.
        if (codeOf(trouble) === "TIMEOUT") await this.#askWhy();
        else this.#report(trouble);
      }
      if (!this.#closed) await pauseApart(this.clock, 250);
    }
  }

  #connect(reconnect: boolean): Promise<NatsConnection> {
    const { login, inboxPrefix } = this.#options;
    return connect({ ...settings, ...login, servers: [...login.servers], inboxPrefix, reconnect });
  }

  async #dial(): Promise<NatsConnection> {
    const nats = await this.#connect(true);
    if (this.#closed) {
      await nats.close();
      return nats;
    }
    this.#nats = nats;
    for (const line of this.#lines) this.#listen(line);
    this.#turn("up");
    return nats;
  }

  async #watch(nats: NatsConnection): Promise<void> {
    let stopAsking: Stop = () => {};
    for await (const status of nats.status()) {
      const { type } = status;
      if (type === "disconnect" || type === "reconnect") stopAsking();
      if (type === "disconnect") {
        this.#turn("away");
        stopAsking = this.clock.every(askWhyEveryMs, () => {
          inBackground("asking why NATS is away", this.#askWhy(), this.onException);
        });
      }
      if (type === "reconnect") this.#turn("up");
      if (type === "error") this.#report(status);
    }
    stopAsking();
  }

  /** The library tries again without telling why it did not succeed; an attempt of our own tells. */
  async #askWhy(): Promise<void> {
    if (this.#closed || this.#isAsking) return;
    this.#isAsking = true;
    try {
      const nats = await this.#connect(false);
      await nats.close();
    } catch (trouble) {
      this.#report(trouble);
    }
    this.#isAsking = false;
  }

  #report(trouble: unknown): void {
    if (this.#closed) return;
    const say = () => this.#options.report(troubleIn(trouble, this.#circumstances()));
    isolate("saying why NATS cannot be reached", say, this.onException);
  }

  #failure(trouble: unknown): Error {
    return failureOf(trouble, this.#circumstances());
  }

  #circumstances(): Circumstances {
    const { login, inboxPrefix } = this.#options;
    const { servers, tls = {} } = login;
    return {
      inboxPrefix,
      servers,
      isSecure: login.tls !== undefined,
      hasCertificate: "cert" in tls,
      certificateEnd: () => expiredAt(tls, this.clock.now()),
    };
  }

  #listen(line: Line): void {
    if (!this.#nats || this.#nats.isClosed()) return;
    line.subscription = this.#nats.subscribe(line.subject, {
      callback: (refused, message) => {
        if (refused || !this.#lines.has(line)) return;
        isolate(`hearing ${line.subject}`, () => line.listener(message), this.onException);
      },
    });
  }

  #turn(state: BusState): void {
    if (state === this.#state || (state === "up" && this.#closed)) return;
    this.#state = state;
    if (state === "away") {
      for (const fail of this.#waiting) fail(new Failure("bus_away", "The bus went away before it answered"));
    }
    for (const listener of this.#listeners) {
      isolate(`telling that the bus is ${state}`, () => listener(state), this.onException);
    }
  }
}
