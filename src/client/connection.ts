import { backoffMs } from "./backoff.ts";
import { Bearer } from "./bearer.ts";
import type { Ear, Link, Message } from "./link.ts";
import { Mailbox } from "./mailbox.ts";
import { Prober } from "./prober.ts";
import { Pulse, tickMs } from "./pulse.ts";
import { Roster } from "./roster.ts";
import type { Refusal, Status, Stop, TokenSource, Transport } from "./skein.ts";
import { type Action, type Event, type State, table } from "./states.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Ending, isFarewell, type Wire, type WireEar, type WireMaker } from "./wire.ts";

const firstFrameMs = 4000;
/** The same for the last transport, after which there is none to turn to. */
const lastFrameMs = 15_000;
const tokenMs = 30_000;
const checkMs = 5000;
const mostFailures = 3;

interface ConnectionParts {
  /** The gateway's address, with `/` at its end. */
  readonly base: string;
  readonly token: TokenSource | undefined;
  /** What may be used, best first. */
  readonly transports: readonly Transport[];
  readonly wires: Readonly<Record<Transport, WireMaker>>;
  readonly surroundings: Surroundings;
}

const says: Readonly<Record<State, Status["state"]>> = {
  idle: "idle",
  asking: "connecting",
  opening: "connecting",
  live: "live",
  checking: "live",
  waiting: "waiting",
  refused: "refused",
  closed: "closed",
};

const nothing = () => {};

/** A connection to a gateway over whatever gets through. What it does when is in `states.ts`. */
export class Connection implements Link {
  readonly #parts: ConnectionParts;
  readonly #ear: Ear;
  readonly #bearer: Bearer;
  readonly #pulse: Pulse;
  readonly #prober: Prober;
  readonly #roster: Roster;
  readonly #mailbox = new Mailbox();
  readonly #stopListening: Stop;
  #state: State = "idle";
  #told = "";
  #refusal: Refusal | undefined;
  /** Which of the transports is used. */
  #at = 0;
  /** A better one that works again. */
  #better = 0;
  #wire: Wire | undefined;
  /** What was begun in an earlier turn is not heard any more. */
  #turn = 0;
  #stopTimer: Stop = nothing;
  #retryAtMs = 0;
  /** How long the gateway wants us to wait. */
  #afterMs = 0;
  #attempts = 0;
  /** How often the transport failed in a row. */
  #failures = 0;
  /** What the gateway calls this connection. */
  #id: unknown;
  /** Whether a better transport may have failed only because none got through. */
  #wasOut = false;

  readonly #actions: Readonly<Record<Action, () => void>> = {
    ask: () => void this.#ask(),
    open: () => this.#open(this.#at),
    slow: () => this.#fail(mostFailures),
    fall: () => this.#open(this.#at + 1),
    rise: () => this.#open(this.#better),
    settle: () => this.#settle(),
    tick: () => this.#tick(),
    check: () => {
      this.#until(checkMs);
      this.#wire?.check();
    },
    calm: () => this.#rest(),
    renew: () => void this.#renew(),
    wait: () => this.#wait(),
    renounce: () => {
      this.#bearer.renounce();
      this.#wait();
    },
    refuse: () => {
      this.#drop();
      this.#roster.refuse(this.#refusal);
    },
    stop: () => this.#drop(),
  };

  constructor(parts: ConnectionParts, ear: Ear) {
    const { surroundings, token } = parts;
    const { now, after } = surroundings;
    this.#parts = parts;
    this.#ear = ear;
    this.#bearer = new Bearer(token);
    this.#pulse = new Pulse(now);
    this.#roster = new Roster({ ear, surroundings, again: (name) => this.#follow(name) });
    this.#prober = new Prober({
      after,
      open: (at, heard) => this.#probe(at, heard),
      found: (at) => {
        this.#better = at;
        this.#raise("better");
      },
    });
    this.#stopListening = surroundings.onWake(() => this.#wake());
  }

  follow(name: string, since: string | undefined): void {
    this.#wire?.leave(name);
    this.#roster.add(name, since);
    if (this.#state === "refused") this.#roster.refuse(this.#refusal);
    this.#follow(name);
    this.#raise("want");
  }

  leave(name: string): void {
    this.#wire?.leave(name);
    this.#roster.remove(name);
    this.#mailbox.drop(name, "Nobody follows this stream any more");
    if (this.#roster.isEmpty) this.#raise("unwant");
  }

  async send(name: string, message: Message): Promise<void> {
    if (!this.#parts.transports.includes("ws")) throw new Error("Messages need a WebSocket, which is not allowed");
    if (!this.#roster.has(name)) throw new Error(`"${name}" is not followed, or it is over`);
    if (!this.#say(name, message)) await this.#mailbox.keep(name, message);
  }

  close(): void {
    this.#raise("close");
    this.#stopListening();
    this.#roster.clear();
    this.#mailbox.drop(undefined, "The connection was closed");
  }

  #raise(event: Event): void {
    const [next, action] = table[this.#state][event];
    if (!next || !action) return;
    this.#state = next;
    this.#actions[action]();
    this.#tell();
  }

  #tell(): void {
    const state = this.#state === "waiting" && !this.#parts.surroundings.isOnline() ? "offline" : says[this.#state];
    const status: Status = {
      state,
      transport: this.#transport,
      ...(state === "waiting" && { retryAtMs: this.#retryAtMs }),
      ...(this.#refusal && { refusal: this.#refusal }),
    };
    const told = JSON.stringify(status);
    if (told === this.#told) return;
    this.#told = told;
    this.#ear.status(status);
  }

  get #transport(): Transport {
    return this.#parts.transports[this.#at] ?? "ws";
  }

  /** The state is over after a while, if nothing else happens. */
  #until(ms: number): void {
    this.#stopTimer();
    this.#stopTimer = this.#parts.surroundings.after(ms, () => this.#raise("due"));
  }

  #drop(): void {
    this.#turn += 1;
    this.#stopTimer();
    this.#prober.stop();
    this.#wire?.close();
    this.#wire = undefined;
  }

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
    this.#until(tokenMs);
    try {
      const isGood = await this.#bearer.ask();
      if (turn === this.#turn) this.#raise(isGood ? "token" : "denied");
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.#refusal = { code: "token_required", message: String(thrown) };
      this.#raise("lost");
    }
  }

  async #renew(): Promise<void> {
    const turn = this.#turn;
    const token = await this.#bearer.renew();
    if (turn === this.#turn && token !== undefined) this.#wire?.renew(token, this.#id);
  }

  #open(at: number): void {
    const { transports } = this.#parts;
    if (at !== this.#at) this.#failures = 0;
    this.#at = at;
    this.#drop();
    this.#until(at + 1 < transports.length ? firstFrameMs : lastFrameMs);
    try {
      this.#wire = this.#make(at, this.#earOf(this.#turn));
      for (const name of this.#roster.names(this.#transport)) this.#wire.follow(name);
    } catch {
      this.#fail(mostFailures);
    }
  }

  #make(at: number, ear: WireEar): Wire {
    const { surroundings, base, transports, wires } = this.#parts;
    return new wires[transports[at] ?? "ws"]({ surroundings, base, token: this.#bearer.token }, ear);
  }

  #probe(at: number, heard: Pick<WireEar, "heard" | "ended">): Wire {
    const rest = { frame: nothing, moved: nothing, expiring: nothing, doubt: nothing };
    const wire = this.#make(at, { start: (name) => this.#roster.start(name), ...rest, ...heard });
    const [name] = this.#roster.names(this.#transport);
    // A WebSocket answers without any stream.
    if (name !== undefined && !wire.say) wire.follow(name);
    return wire;
  }

  #earOf(turn: number): WireEar {
    const mine =
      <Said extends unknown[]>(hear: (...said: Said) => void) =>
      (...said: Said) => {
        if (turn === this.#turn) hear(...said);
      };
    return {
      start: (name) => this.#roster.start(name),
      heard: mine(() => {
        this.#pulse.heard();
        this.#raise("heard");
      }),
      frame: mine((name, frame) => {
        this.#roster.frame(name, frame, this.#transport);
        if (isFarewell(frame)) this.#farewell(name);
      }),
      moved: mine((name, cursor) => this.#roster.moved(name, cursor)),
      expiring: mine((id) => {
        this.#id = id;
        this.#raise("expiring");
      }),
      doubt: mine(() => this.#raise("wake")),
      ended: mine((ending) => this.#ended(ending)),
    };
  }

  #farewell(name: string): void {
    if (!this.#roster.has(name)) this.#mailbox.drop(name, "The stream is over");
    if (this.#roster.isEmpty) this.#raise("unwant");
  }

  #ended({ kind, refusal, afterMs = 0 }: Ending): void {
    this.#refusal = refusal;
    this.#afterMs = afterMs;
    if (kind === "unknown" && !this.#bearer.canAsk) this.#raise("denied");
    // What a gateway itself refuses is not the transport's fault.
    else if (kind === "lost" && this.#state === "opening" && !refusal) this.#fail(this.#failures + 1);
    else this.#raise(kind);
  }

  #fail(failures: number): void {
    this.#failures = failures;
    const isSpent = failures >= mostFailures && this.#at + 1 < this.#parts.transports.length;
    this.#raise(isSpent ? "spent" : "lost");
  }

  #wait(): void {
    const { now, random } = this.#parts.surroundings;
    this.#drop();
    this.#roster.away();
    this.#wasOut = true;
    if (this.#failures >= mostFailures) this.#at = this.#failures = 0;
    const ms = Math.max(this.#afterMs, backoffMs(this.#attempts++, random()));
    this.#afterMs = 0;
    this.#retryAtMs = now() + ms;
    this.#until(ms);
  }

  #settle(): void {
    this.#attempts = this.#failures = 0;
    this.#refusal = undefined;
    this.#bearer.accept();
    this.#rest();
    this.#prober.watch(this.#at, this.#wasOut);
    this.#wasOut = false;
    this.#post();
  }

  #rest(): void {
    this.#pulse.begin();
    this.#until(tickMs);
  }

  #tick(): void {
    const found = this.#pulse.tick();
    this.#until(tickMs);
    if (found === "asleep") this.#wake();
    else if (found === "silent") this.#raise("lost");
    else if (found) this.#wire?.ping();
  }

  #wake(): void {
    this.#raise(this.#parts.surroundings.isOnline() ? "wake" : "offline");
    if (this.#wire) this.#prober.watch(this.#at, true);
    this.#tell();
  }

  #follow(name: string): void {
    this.#wire?.follow(name);
    this.#post();
  }

  #post(): void {
    this.#mailbox.deliver((name, message) => this.#say(name, message));
  }

  #say(name: string, message: Message): boolean {
    const isSaid = this.#wire?.say?.(name, message) ?? false;
    if (isSaid) this.#roster.said(name, message);
    return isSaid;
  }
}
