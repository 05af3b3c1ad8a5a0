import { backoffMs } from "./backoff.ts";
import { type Bearer, bearer } from "./bearer.ts";
import type { Ear, Link, Message } from "./link.ts";
import { type Prober, prober } from "./prober.ts";
import { type Pulse, pulse, tickMs } from "./pulse.ts";
import { Roster } from "./roster.ts";
import type { Refusal, Status, Stop, TokenSource, Transport } from "./skein.ts";
import { type Action, type Event, type State, shown, table } from "./states.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Answers, type Ending, type Hear, isFarewell, type Wire, type WireMaker } from "./wire.ts";

const firstFrameMs = 4000;
/** The same for the last transport, after which there is none to turn to. */
const lastFrameMs = 15_000;
const tokenMs = 30_000;
const checkMs = 5000;
const mostFailures = 3;

/** What a connection is made of. */
export interface ConnectionParts {
  /** The gateway's address, with `/` at its end. */
  readonly base: string;
  readonly token: TokenSource | undefined;
  /** What may be used, best first. */
  readonly transports: readonly Transport[];
  readonly wires: Readonly<Record<Transport, WireMaker>>;
  readonly surroundings: Surroundings;
}

/** A connection to a gateway over whatever gets through. What it does when is in `states.ts`. */
export class Connection implements Link {
  readonly #parts: ConnectionParts;
  readonly #ear: Ear;
  readonly #bearer: Bearer;
  readonly #pulse: Pulse;
  readonly #prober: Prober;
  readonly #roster: Roster;
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
  #stopTimer: Stop = () => {};
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
    ask: async () => {
      const turn = ++this.#turn;
      this.#until(tokenMs);
      const answer = await this.#bearer.ask().catch((thrown: unknown) => {
        this.#refusal = { code: "token_required", message: String(thrown) };
      });
      if (turn === this.#turn) this.#raise(answer === undefined ? "lost" : answer ? "token" : "denied");
    },
    open: () => this.#open(this.#at),
    slow: () => this.#fail(mostFailures),
    fall: () => this.#open(this.#at + 1),
    rise: () => this.#open(this.#better),
    settle: () => {
      this.#attempts = this.#failures = 0;
      this.#refusal = undefined;
      this.#bearer.accept();
      this.#rest();
      this.#prober.watch(this.#at, this.#wasOut);
      this.#wasOut = false;
      this.#roster.post(this.#wire);
    },
    tick: () => {
      const found = this.#pulse.tick();
      this.#until(tickMs);
      if (found === "asleep") this.#wake();
      else if (found === "silent") this.#raise("lost");
      else if (found) this.#wire?.ping?.();
    },
    check: () => {
      this.#until(checkMs);
      this.#wire?.check();
    },
    calm: () => this.#rest(),
    renew: async () => {
      const turn = this.#turn;
      const token = await this.#bearer.renew();
      if (turn === this.#turn && token) this.#wire?.renew?.(token, this.#id);
    },
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

  /** What is done about what the wire says. */
  readonly #answers: Answers = {
    heard: () => {
      this.#pulse.heard();
      this.#raise("heard");
    },
    frame: (name, frame) => {
      this.#roster.frame(name, frame, this.#transport);
      if (isFarewell(frame) && this.#roster.isEmpty) this.#raise("unwant");
    },
    moved: (name, cursor) => this.#roster.moved(name, cursor),
    expiring: (id) => {
      this.#id = id;
      this.#raise("expiring");
    },
    doubt: () => this.#raise("wake"),
    ended: (ending) => this.#ended(ending),
  };

  constructor(parts: ConnectionParts, ear: Ear) {
    const { surroundings, token } = parts;
    this.#parts = parts;
    this.#ear = ear;
    this.#bearer = bearer(token);
    this.#pulse = pulse(surroundings.now);
    this.#roster = new Roster({ ear, surroundings, again: (name) => this.#follow(name) });
    this.#prober = prober({
      after: surroundings.after,
      open: (at, hear) => this.#probe(at, hear),
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
    if (this.#roster.isEmpty) this.#raise("unwant");
  }

  async send(name: string, message: Message): Promise<void> {
    if (!this.#parts.transports.includes("ws")) throw new Error("Messages need WebSocket among the transports");
    await this.#roster.send(name, message, this.#wire);
  }

  close(): void {
    this.#raise("close");
    this.#stopListening();
    this.#roster.clear();
  }

  #raise(event: Event): void {
    const [next, action] = table[this.#state][event] ?? [];
    if (!next || !action) return;
    this.#state = next;
    this.#actions[action]();
    this.#tell();
  }

  #tell(): void {
    const isWaiting = this.#state === "waiting";
    const isOffline = isWaiting && !this.#parts.surroundings.isOnline();
    const status: Status = {
      state: isOffline ? "offline" : shown[this.#state],
      transport: this.#transport,
      retryAtMs: isWaiting && !isOffline ? this.#retryAtMs : undefined,
      refusal: this.#refusal,
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

  #open(at: number): void {
    if (at !== this.#at) this.#failures = 0;
    this.#at = at;
    this.#drop();
    this.#until(at + 1 < this.#parts.transports.length ? firstFrameMs : lastFrameMs);
    const turn = this.#turn;
    const hear: Hear = (kind, ...said) => turn === this.#turn && this.#answers[kind](...said);
    try {
      this.#wire = this.#make(at, hear);
      for (const name of this.#roster.names(this.#transport)) this.#wire.follow(name);
    } catch {
      this.#fail(mostFailures);
    }
  }

  #make(at: number, hear: Hear): Wire {
    const { surroundings, base, transports, wires } = this.#parts;
    const start = (name: string) => this.#roster.start(name);
    return new wires[transports[at] ?? "ws"]({ surroundings, base, token: this.#bearer.token, start }, hear);
  }

  #probe(at: number, hear: Hear): Wire {
    const wire = this.#make(at, hear);
    const name = this.#roster.first;
    // A WebSocket answers without any stream.
    if (name !== undefined && !wire.say) wire.follow(name);
    return wire;
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

  #rest(): void {
    this.#pulse.begin();
    this.#until(tickMs);
  }

  #wake(): void {
    this.#raise(this.#parts.surroundings.isOnline() ? "wake" : "offline");
    // What is opening looks for a better one as soon as it is open.
    if (this.#state === "opening") this.#wasOut = true;
    else if (this.#wire) this.#prober.watch(this.#at, true);
    this.#tell();
  }

  #follow(name: string): void {
    this.#wire?.follow(name);
    this.#roster.post(this.#wire);
  }
}
