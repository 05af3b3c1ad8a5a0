import { Follower } from "../../src/logs/follow.ts";
import { fileName, fileOf } from "../../src/logs/mark.ts";
import { endOf, type LogPlace, type LogStep } from "../../src/protocol/log.ts";
import { ManualClock } from "../support/clock.ts";
import { disorder, displacedLives, judge, type Seen, silentlyMissing } from "./judge.ts";
import { PacedFiles } from "./paced.ts";
import type { World } from "./world.ts";
import { type Deed, type Habits, lineBytes, Writer } from "./writer.ts";

/** What happens in a history: deeds of the writer, looks of the follower, and turns of the file system. */
export type Event =
  | Deed
  | { readonly do: "tick" }
  | { readonly do: "turns"; readonly count: number }
  | { readonly do: "settle" }
  | { readonly do: "pass"; readonly ms: number };

/** A place of the follower, and how many steps had come when it was there. */
interface Passed {
  readonly place: LogPlace;
  readonly steps: number;
}

interface HistoryOptions {
  readonly seed: number;
  /** Whether who takes the steps is not done with them at once. */
  readonly isSlow: boolean;
  readonly habits: Habits;
}

const rules = { maxLineBytes: 1000, flushPartialMs: 0, switchAfterMs: 300, lateMs: 5_000 };

/** A writer, a follower, and file calls that take as long as chance will have it. */
export class History {
  readonly #world: World;
  readonly #files: PacedFiles;
  readonly #clock = new ManualClock();
  readonly #writer: Writer;
  readonly #steps: LogStep[] = [];
  readonly #places: Passed[] = [];
  readonly #follower: Follower;
  readonly #random: () => number;
  readonly #lifeOf = (number: number) => this.#writer.lines[number]?.life;
  #start: LogPlace | undefined;
  #ticking = false;

  constructor(world: World, { seed, isSlow, habits }: HistoryOptions) {
    this.#world = world;
    this.#files = new PacedFiles(world);
    this.#writer = new Writer(world, habits);
    this.#random = seeded(seed);
    this.#follower = this.#follow((step) => {
      this.#steps.push(step);
      world.log.push(`-> ${JSON.stringify(step)}`);
      if (this.#follower.place) this.#places.push({ place: this.#follower.place, steps: this.#steps.length });
      return isSlow ? Promise.resolve() : undefined;
    });
  }

  async run(events: readonly Event[]): Promise<string[]> {
    await this.#during(this.#follower.start());
    this.#start = this.#follower.place;
    for (const event of events) {
      this.#pass(1 + Math.floor(this.#random() * 4));
      await this.#take(event);
    }
    await this.#end();
    const faults = [...this.#faults(), ...(await this.#faultsOfReadings())];
    await this.#during(this.#follower.close());
    if (this.#files.openFiles !== 0) faults.push(`${this.#files.openFiles} files were left open`);
    return faults;
  }

  async #take(event: Event): Promise<void> {
    switch (event.do) {
      case "tick":
        return this.#tick();
      case "turns":
        for (let i = 0; i < event.count; i += 1) await this.#turn();
        return;
      case "settle":
        return this.#settle();
      case "pass":
        return this.#pass(event.ms);
      default:
        this.#writer.take(event);
    }
  }

  #follow(emit: (step: LogStep) => void | Promise<void>): Follower {
    const { path } = this.#writer;
    const parts = { path, root: this.#world.folder, files: this.#files, clock: this.#clock, rules, emit };
    return new Follower({ ...parts, from: "start" });
  }

  #pass(ms: number): void {
    this.#clock.pass(ms);
    this.#world.pass(ms);
  }

  #tick(): void {
    this.#ticking = true;
    void this.#follower.tick().then(() => {
      this.#ticking = false;
    });
  }

  async #turn(): Promise<void> {
    const isWriters = this.#writer.isBusy && (!this.#files.hasCalls || this.#random() < 0.2);
    if (isWriters) this.#writer.step();
    else if (this.#files.hasCalls) await this.#turnFiles();
    else return;
    await microtasks();
  }

  /** A call happens; now and then the writer does something while it is under way. */
  async #turnFiles(): Promise<void> {
    const turned = this.#files.turn(Math.floor(this.#random() * 1000));
    if (this.#random() < 0.05) this.#writer.step();
    await turned;
  }

  async #settle(): Promise<void> {
    await microtasks();
    while (this.#files.hasCalls || this.#writer.isBusy || this.#ticking) await this.#turn();
  }

  async #during<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const end = work.finally(() => {
      isOver = true;
    });
    await microtasks();
    while (!isOver) await this.#turn();
    return end;
  }

  /** Everything ends well: the log has its file, a last line is written, and the follower has all the time it needs. */
  async #end(): Promise<void> {
    await this.#settle();
    this.#writer.reopen();
    for (let i = 0; i < 3; i += 1) {
      this.#pass(1_000);
      this.#writer.take({ do: "write", lines: 1, partial: false });
      this.#tick();
      await this.#settle();
    }
  }

  #faults(): string[] {
    const { faults, seen } = judge(this.#steps, this.#start);
    const all = this.#writer.lines.map((_, number) => number);
    const missing = silentlyMissing(seen, all).filter((number) => !this.#isBlindSpot(number, seen));
    return [
      ...faults,
      ...disorder(seen, this.#lifeOf),
      ...missing.map((number) => `${number} is missing without a word`),
    ];
  }

  /**
   * Whether nobody could know of a line: its life was over before anything of it was read, or its file was never seen under
   * the log's name and is gone; what is left of it may be a copy. Or the follower was never where a link led to its file, nor to
   * those that were called so before.
   */
  #isBlindSpot(number: number, seen: readonly Seen[]): boolean {
    const life = this.#writer.lines[number]?.life;
    if (!life) return false;
    if (!this.#writer.before(life.inode).some(({ id }) => this.#wasThere(id))) return true;
    if (life.fate === "kept") return false;
    if (life.fate === "torn" || !this.#files.opened.has(life.inode.id)) return true;
    const isUnseen = !seen.some((one) => one !== "gap" && this.#lifeOf(one.number) === life);
    return isUnseen || displacedLives(seen, this.#lifeOf).has(life);
  }

  #wasThere(id: string): boolean {
    const places = [...(this.#start ? [this.#start] : []), ...this.#steps.map(endOf)];
    return places.some(({ generation }) => fileOf(generation) === fileName(id));
  }

  async #faultsOfReadings(): Promise<string[]> {
    const faults: string[] = [];
    const fresh = this.#follow(() => {});
    await this.#during(fresh.start());
    await this.#during(fresh.tick());
    const onDisk = this.#writer.onDisk;
    const places = this.#places.filter(() => this.#random() < 0.3).slice(-5);
    for (const passed of places) {
      for (const follower of [this.#follower, fresh])
        faults.push(...(await this.#faultsAfter(follower, passed, onDisk)));
    }
    await this.#during(fresh.close());
    return faults;
  }

  async #faultsAfter(
    follower: Follower,
    { place, steps: count }: Passed,
    onDisk: ReadonlySet<number>,
  ): Promise<string[]> {
    const steps: LogStep[] = [];
    for (let since = place, answers = 0; ; answers += 1) {
      if (answers > 1_000) return [`no end after ${JSON.stringify(place)}`];
      const reading = await this.#during(follower.after(since, undefined, 400));
      if ("lost" in reading) return [];
      steps.push(...reading.steps);
      if (reading.whole) break;
      since = reading.place;
    }
    const { faults, seen } = judge(steps, undefined);
    const before = judge(this.#steps.slice(0, count), this.#start).seen;
    const had = new Set(before.flatMap((one) => (one === "gap" ? [] : [one.number])));
    for (const one of seen) if (one !== "gap" && had.has(one.number)) faults.push(`${one.number} was there already`);
    const expected = this.#expectedAfter(place)?.filter((number) => !had.has(number));
    if (!expected) return faults;
    const isExcused = (number: number) =>
      follower === this.#follower ? this.#isBlindSpot(number, this.#seen()) : !onDisk.has(number);
    const missing = silentlyMissing(seen, expected).filter((number) => !isExcused(number));
    const told = `after ${JSON.stringify(place)} by ${follower === this.#follower ? "the same" : "a fresh"} follower: `;
    return [
      ...faults,
      ...disorder(seen, this.#lifeOf),
      ...missing.map((number) => `${number} is missing without a word`),
    ].map((fault) => told + fault);
  }

  #seen(): Seen[] {
    return judge(this.#steps, this.#start).seen;
  }

  /** What was written after a place; undefined when nothing was read of its life. */
  #expectedAfter(place: LogPlace): number[] | undefined {
    const index = this.#steps.findIndex(
      (step) => !("rotated" in step) && step.from !== step.to && step.generation === place.generation,
    );
    const step = this.#steps[index];
    if (!step || "rotated" in step || place.offset === 0) return undefined;
    const first = step.lines.map((line) => /^(\d{6});$/.exec(line)?.[1]).find((found) => found !== undefined);
    const life = first === undefined ? undefined : this.#writer.lines[Number(first)]?.life;
    if (!life) return undefined;
    return this.#writer.lines.flatMap((line, number) => {
      const isAfter = line.life === life ? line.end - lineBytes >= place.offset : line.life.number > life.number;
      return isAfter ? [number] : [];
    });
  }
}

function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 to 1 that are always the same for a seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
