import type { Ear, Link, Message, OpenLink } from "./link.ts";
import type { Status, Stop } from "./skein.ts";
import type { Surroundings } from "./surroundings.ts";
import { connecting, TabLeader } from "./tab-leader.ts";
import { TabStream } from "./tab-stream.ts";
import type { Asked, Given, Talk, Told } from "./tab-talk.ts";

/** The Web Locks of a browser, as far as they are used. */
export interface Locks {
  request(name: string, options: { readonly steal?: boolean }, task: () => unknown): Promise<unknown>;
}

/** A BroadcastChannel, as far as it is used. */
export interface Channel {
  onmessage: ((event: { readonly data: Talk }) => void) | null;
  postMessage(talk: Talk): void;
  close(): void;
}

/** What a tab is made of. */
export interface TabParts extends Pick<Surroundings, "now" | "after" | "random"> {
  readonly open: OpenLink;
  readonly id: string;
  readonly locks: Locks;
  readonly channelOf: (name: string) => Channel;
  /** What this tab and those that it shares with call the connection. */
  readonly keyOf: () => Promise<string>;
}

interface Unsent {
  readonly name: string;
  readonly message: Message;
  readonly settle: (fault?: string) => void;
}

/** How often a tab looks whether the leader is there, and how often it looks in vain before it takes its place. */
const lookMs = 2000;
const looks = 1;
/** How long, from the beginning of a reign, tabs that know nothing of a stream let those go first that know where to go on. */
const yieldMs = 500;

/**
 * One tab of several that share a connection.
 *
 * Whoever holds a lock leads: it has the connection, follows what any tab wants, and tells all tabs what comes. All hear the same in the same
 * order, so when it is gone the next one goes on from where all of them stand.
 */
export class Tab implements Link {
  readonly #ear: Ear;
  readonly #parts: TabParts;
  readonly #followed = new Map<string, TabStream>();
  /** What was sent and is not handed over, by its number. */
  readonly #unsent = new Map<number, Unsent>();
  readonly #over: Promise<void>;
  #end: () => void = () => {};
  #key: string | undefined;
  #channel: Channel | undefined;
  #reign = "";
  /** From when on a stream may begin anew in this reign. */
  #openAtMs = 0;
  #count = 0;
  #status: Status = connecting;
  #unanswered = 0;
  #sent = 0;
  #stopLooking: Stop = () => {};
  #isClosed = false;
  #hasLock = false;
  #leader: TabLeader | undefined;

  constructor(ear: Ear, parts: TabParts) {
    this.#ear = ear;
    this.#parts = parts;
    this.#over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  follow(name: string, since: string | undefined): void {
    const stream = new TabStream(since);
    this.#followed.set(name, stream);
    if (this.#reign) this.#wantInTurn(name, stream, false);
    if (this.#key !== undefined) return;
    this.#key = "";
    this.#ear.status(connecting);
    this.#begin();
  }

  leave(name: string): void {
    this.#followed.delete(name);
    this.#ask({ kind: "leave", from: this.#parts.id, name });
  }

  send(name: string, message: Message): Promise<void> {
    const id = this.#sent++;
    return new Promise((resolve, reject) => {
      const settle = (fault?: string) => (fault === undefined ? resolve() : reject(new Error(fault)));
      if (this.#isClosed) return settle("The connection is closed");
      this.#unsent.set(id, { name, message, settle });
      this.#ask({ kind: "send", from: this.#parts.id, id, name, message });
    });
  }

  close(): void {
    for (const name of [...this.#followed.keys()]) this.leave(name);
    this.#isClosed = true;
    this.#stopLooking();
    this.#leader?.close();
    this.#end();
    this.#channel?.close();
    for (const { settle } of this.#unsent.values()) settle("The connection is closed");
    this.#ear.status({ ...connecting, state: "closed" });
  }

  /** Holds a lock of its own for as long as it lives, by which the leader knows when it is gone, and waits for its turn to lead. */
  async #begin(): Promise<void> {
    const { keyOf, channelOf, id } = this.#parts;
    this.#key = await keyOf();
    if (this.#isClosed) return;
    this.#channel = channelOf(this.#key);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    const begun = () => {
      this.#stand();
      this.#look();
      return this.#over;
    };
    this.#parts.locks.request(this.#key + id, {}, begun).catch(() => {
      // Where a page may have no locks it shares nothing.
      this.#channel?.close();
      this.#channel = undefined;
      this.#lead();
    });
  }

  /** Leads as soon as nobody else does; or at once, in place of one that is silent. */
  #stand(options = {}): void {
    const lead = () => this.#lead();
    this.#parts.locks.request(this.#key ?? "", options, lead).catch(() => {
      // Another tab has taken the lock, because this one was silent for too long.
      this.#hasLock = false;
      this.#depose();
      this.#stand();
    });
  }

  #depose(): void {
    this.#leader?.close();
    this.#leader = undefined;
  }

  #lead(): Promise<void> {
    const { open, id, locks, now } = this.#parts;
    if (this.#isClosed || this.#leader) return this.#over;
    this.#hasLock = true;
    // By the clock, because a tab that is new knows of no reign; and after the last one in any case.
    const reign = `${Math.max(now(), Number.parseInt(this.#reign || "0", 10) + 1)} ${id}`;
    let count = 0;
    this.#leader = new TabLeader(open, {
      tell: (told) => this.#post({ ...told, reign, count: ++count }),
      onGone: (tab, gone) => void locks.request(this.#key + tab, {}, gone),
    });
    return this.#over;
  }

  /** Looks whether there is a leader, and asks again for what did not come. */
  #look(): void {
    const { after, random } = this.#parts;
    if (this.#isClosed) return;
    this.#stopLooking = after(lookMs * (1 + random()), () => this.#look());
    // Of two that took the lock in one moment the one that has it now may have obeyed the other.
    if (this.#hasLock) this.#lead();
    else this.#lookForLeader();
    for (const [name, stream] of this.#followed) {
      const { isWaiting, since, looks: tried } = stream;
      if (isWaiting && tried > 0) this.#want(name, since, { isLate: since !== undefined, tried });
      stream.looks += 1;
    }
  }

  /** One that is frozen keeps its lock and says nothing. */
  #lookForLeader(): void {
    if (this.#unanswered++ > looks) {
      this.#unanswered = 0;
      // There was one before, also for a tab that never heard of it.
      this.#reign ||= "0";
      this.#stand({ steal: true });
    }
    this.#post({ kind: "who" });
  }

  #want(name: string, since: string | undefined, { isLate = false, tried = 0 } = {}): void {
    this.#ask({ kind: "follow", from: this.#parts.id, name, since, isLate, tried });
  }

  /** Wants a stream of the one that leads; early in its reign only when it is known where to go on. */
  #wantInTurn(name: string, stream: TabStream, isLate: boolean): void {
    const { after, now } = this.#parts;
    const reign = this.#reign;
    const waitMs = stream.since === undefined ? this.#openAtMs - now() : 0;
    const want = () => {
      if (this.#reign !== reign || this.#followed.get(name) !== stream) return;
      // Meanwhile it may have begun for all.
      this.#want(name, stream.since, { isLate: isLate && stream.isWaiting });
    };
    if (waitMs > 0) after(waitMs, want);
    else want();
  }

  /** Asks the leader, when there is one. A new one is asked for all that matters still. */
  #ask(asked: Asked): void {
    if (this.#reign) this.#post(asked);
  }

  /** Says something to every tab, this one too. Throws when it is nothing that can be copied. */
  #post(talk: Talk): void {
    if (this.#isClosed) return;
    this.#channel?.postMessage(talk);
    queueMicrotask(() => this.#hear(talk));
  }

  #hear(talk: Talk): void {
    if (this.#isClosed) return;
    if ("count" in talk) this.#heed(talk);
    else this.#leader?.hear(talk);
  }

  #heed(talk: Exclude<Talk, Asked>): void {
    if (talk.reign < this.#reign || (talk.reign > this.#reign && talk.kind !== "status")) return;
    if (talk.reign > this.#reign) this.#obey(talk.reign, talk.count > 1);
    this.#unanswered = 0;
    if (talk.kind === "state") return this.#adopt(talk);
    this.#count = talk.count;
    if (talk.kind === "sent") return this.#settle(talk);
    if (talk.kind !== "status") return this.#apply(talk);
    const isChanged = JSON.stringify(talk.status) !== JSON.stringify(this.#status);
    this.#status = talk.status;
    if (isChanged) this.#ear.status(talk.status);
  }

  /** Asks a new leader for everything that this tab wants. */
  #obey(reign: string, isLate: boolean): void {
    const { id: from } = this.#parts;
    const isOwn = reign.endsWith(from);
    if (!isOwn) this.#depose();
    // Before the first tab of all there was nobody who knows anything.
    this.#openAtMs = isOwn && !this.#reign ? 0 : Number.parseInt(reign, 10) + yieldMs;
    this.#reign = reign;
    for (const [name, stream] of this.#followed) {
      stream.wait();
      this.#wantInTurn(name, stream, isLate);
    }
    for (const [id, { name, message }] of this.#unsent) this.#ask({ kind: "send", from, id, name, message });
  }

  #settle({ to, id, fault }: Extract<Told, { kind: "sent" }>): void {
    if (to !== this.#parts.id) return;
    this.#unsent.get(id)?.settle(fault);
    this.#unsent.delete(id);
  }

  #apply(told: Exclude<Told, { kind: "status" | "sent" }>): void {
    const { name } = told;
    const stream = this.#followed.get(name);
    if (!stream) return;
    if (told.kind === "give") this.#give(told, stream);
    else if (told.kind === "begin") this.#start(stream, told);
    else if (told.kind === "phase") {
      stream.status = told.status;
      if (!stream.isWaiting) this.#ear.phase(name, told.status);
    } else if (stream.take(this.#count, told.frame)) this.#ear.frame(name, told.frame);
  }

  #start(stream: TabStream, { name, since }: Extract<Told, { kind: "begin" }>): void {
    const back = stream.begin(since);
    if (back !== undefined) this.#want(name, back, { isLate: true });
  }

  #give({ name, from, to }: Extract<Told, { kind: "give" }>, { since, isWaiting, status }: TabStream): void {
    const state = this.#ear.stateOf(name);
    if (from !== this.#parts.id || isWaiting || !since || state === undefined) return;
    try {
      this.#post({ kind: "state", to, name, state, since, status, reign: this.#reign, count: this.#count });
    } catch {
      // It is nothing that can be copied, here or in another tab.
      this.#ask({ kind: "follow", from: to, name, since: undefined, isLate: false, tried: Number.POSITIVE_INFINITY });
    }
  }

  #adopt({ to, name, state, since, status, count }: Given & { readonly count: number }): void {
    const stream = to === this.#parts.id ? this.#followed.get(name) : undefined;
    const news = stream?.adopt(since, count);
    if (!stream || !news) return;
    this.#ear.adopt(name, state);
    const known = stream.status ?? status;
    if (known) this.#ear.phase(name, known);
    for (const frame of news) this.#ear.frame(name, frame);
  }
}
