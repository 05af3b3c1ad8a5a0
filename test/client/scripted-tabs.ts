import { setImmediate } from "node:timers/promises";
import { Client } from "../../src/client/client.ts";
import type { AnyFrame, StreamOptions } from "../../src/client/index.ts";
import type { Ear, Link } from "../../src/client/link.ts";
import { type Channel, type Locks, Tab } from "../../src/client/tab.ts";
import type { Talk } from "../../src/client/tab-talk.ts";
import { ManualClock } from "../support/clock.ts";

/** A run, and the connections over which it is followed. */
class Run {
  readonly links = new Set<RunLink>();
  last = 0;

  publish(): void {
    this.last += 1;
    const frame = this.#event(this.last);
    for (const link of this.links) link.tell([frame]);
  }

  /** What a gateway says first: only the last frame of a snapshot has a cursor. */
  beginning(since: string | undefined): AnyFrame[] {
    const first = since === undefined ? 1 : Number(since.slice(2)) + 1;
    const events = Array.from({ length: this.last - first + 1 }, (_, i) => this.#event(first + i));
    if (since !== undefined) return [{ type: "resumed" }, ...events];
    const known = events.map(({ cursor, ...event }, i) => (i === events.length - 1 ? { ...event, cursor } : event));
    return [{ type: "snapshot", count: this.last, ...(this.last === 0 && { cursor: "e-0" }) }, ...known];
  }

  #event(n: number): AnyFrame {
    return { type: "task_end", n, cursor: `e-${n}` };
  }
}

/** A tab's connection to the run. */
class RunLink implements Link {
  readonly #run: Run;
  readonly #ear: Ear;
  readonly #soon: (task: () => void) => void;
  #name: string | undefined;
  /** What was on its way when it was followed anew is not told any more. */
  #turn = 0;

  constructor(run: Run, ear: Ear, soon: (task: () => void) => void) {
    this.#run = run;
    this.#ear = ear;
    this.#soon = soon;
    run.links.add(this);
  }

  follow(name: string, since: string | undefined): void {
    this.#name = name;
    this.#turn += 1;
    this.tell(this.#run.beginning(since));
  }

  tell(frames: readonly AnyFrame[]): void {
    const name = this.#name;
    const turn = this.#turn;
    if (name === undefined) return;
    this.#soon(() => {
      if (turn !== this.#turn || !this.#run.links.has(this)) return;
      for (const frame of frames) this.#ear.frame(name, frame);
    });
  }

  leave(): void {
    this.#name = undefined;
    this.#turn += 1;
  }

  async send(): Promise<void> {}

  close(): void {
    this.#run.links.delete(this);
  }
}

/** All that happens within this time happens at once. */
const stepMs = 50;

/** Who has a lock, or waits for it. */
interface Claim {
  readonly owner: ScriptedTab;
  readonly grant: () => void;
  readonly rob: () => void;
}

/** A browser whose tabs do something only when they are let. */
export class ScriptedBrowser {
  readonly run = new Run();
  readonly clock = new ManualClock();
  tabs: ScriptedTab[] = [];
  readonly #claims = new Map<string, Claim[]>();
  #opened = 0;

  /** Opens a tab that looks after the leader every so often. No two of them look together, unless they are told to. */
  open(options: TabOptions = {}): ScriptedTab {
    const tab = new ScriptedTab(this, `tab${this.#opened}`, { looksEveryMs: 3000 + 10 * this.#opened, ...options });
    this.#opened += 1;
    this.tabs.push(tab);
    return tab;
  }

  /** It is gone at once, and says nothing more. */
  crash(tab: ScriptedTab): void {
    this.tabs = this.tabs.filter((one) => one !== tab);
    tab.die();
    for (const [name, claims] of this.#claims) {
      const [holder] = claims;
      const left = claims.filter(({ owner }) => owner !== tab);
      this.#claims.set(name, left);
      if (left[0] !== holder) left[0]?.grant();
    }
  }

  /** Lets everybody who is not frozen do all there is to do. */
  async settle(): Promise<void> {
    do await setImmediate();
    while (this.tabs.map((tab) => tab.turn()).some(Boolean));
  }

  /** Lets time pass, and everything happen in it. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await this.settle();
      this.clock.pass(stepMs);
    }
    await this.settle();
  }

  tell(from: ScriptedTab, talk: Talk): void {
    for (const tab of this.tabs) if (tab !== from) tab.hear(structuredClone(talk));
  }

  locksOf(owner: ScriptedTab): Locks {
    return {
      request: (name, { steal = false }, task) =>
        new Promise((resolve, reject) => {
          const claim: Claim = {
            owner,
            grant: () => owner.soon(() => void Promise.resolve(task()).then(release)),
            rob: () => owner.soon(() => reject(new Error("Stolen"))),
          };
          const release = (result: unknown) => {
            const claims = this.#claims.get(name) ?? [];
            const wasHeld = claims[0] === claim;
            const left = claims.filter((one) => one !== claim);
            this.#claims.set(name, left);
            if (wasHeld) left[0]?.grant();
            resolve(result);
          };
          const claims = this.#claims.get(name) ?? [];
          const [holder, ...waiting] = claims;
          this.#claims.set(name, steal ? [claim, ...waiting] : [...claims, claim]);
          if (steal) holder?.rob();
          if (steal || !holder) claim.grant();
        }),
    };
  }
}

interface TabOptions {
  readonly looksEveryMs?: number;
  /** Default: what a run is for every page. */
  readonly reduce?: StreamOptions<unknown, AnyFrame>["reduce"];
}

/** A tab that writes down every number that it hears, and how often it began anew. */
export class ScriptedTab {
  readonly id: string;
  readonly heard: number[] = [];
  beginnings = 0;
  isFrozen = false;
  #tasks: (() => void)[] = [];
  #isDead = false;
  #channel: Channel | undefined;
  #link: Link | undefined;
  readonly #client: Client;
  readonly #stream;

  constructor(browser: ScriptedBrowser, id: string, { looksEveryMs = 3000, reduce }: TabOptions) {
    this.id = id;
    const { run, clock } = browser;
    const after = (ms: number, task: () => void) => clock.after(ms, () => this.soon(task));
    const parts = {
      id,
      now: () => clock.now(),
      after,
      random: () => looksEveryMs / 2000 - 1,
      locks: browser.locksOf(this),
      keyOf: async () => "shared ",
      channelOf: () => {
        this.#channel = { onmessage: null, postMessage: (talk) => browser.tell(this, talk), close: () => {} };
        return this.#channel;
      },
      open: (ear: Ear) => {
        this.#link = new RunLink(run, ear, (task) => this.soon(task));
        return this.#link;
      },
    };
    this.#client = new Client({ open: (ear) => new Tab(ear, parts), transport: "ws", after });
    this.#stream = this.#client.stream<string, unknown, AnyFrame>("runs/r", {
      keep: 10_000,
      ...(reduce && { reduce }),
    });
    this.#stream.onFrame((frame) => {
      if (frame.type === "snapshot") {
        this.beginnings += 1;
        this.heard.length = 0;
      } else if ("n" in frame) this.heard.push(Number(frame.n));
    });
  }

  get known(): number[] {
    return ((this.#stream.getSnapshot() ?? []) as AnyFrame[]).map(({ n }) => Number(n));
  }

  hear(talk: Talk): void {
    this.soon(() => this.#channel?.onmessage?.({ data: talk }));
  }

  soon(task: () => void): void {
    if (!this.#isDead) this.#tasks.push(task);
  }

  /** Lets it do one thing; false when there is nothing to do. */
  turn(): boolean {
    const task = this.isFrozen ? undefined : this.#tasks.shift();
    task?.();
    return task !== undefined;
  }

  /** As when it is left for another page. */
  close(): void {
    this.#client.close();
  }

  die(): void {
    this.#isDead = true;
    this.#tasks = [];
    this.#link?.close();
  }
}
