import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { type Clock, type Stop, systemClock } from "../../src/protocol/clock.ts";
import { heartbeatSubject } from "../../src/protocol/instance.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { logLines } from "./demo-log.ts";
import { story, storyMs, type Told } from "./demo-story.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { LogDirectory } from "./logs.ts";
import { openWithKey, token } from "./tokens.ts";

/** The log that has something in it. */
export const loggedInstance = "coder-1";

const beatMs = 500;

/** A gateway of a fleet at work, with something in every stream, and a time of its own. */
export interface DemoWorld extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly logs: LogDirectory;
  /** A token of an operator, for the time of this world. */
  readonly token: string;
  /** Lets something happen now. */
  tell(told: readonly Told[]): Promise<void>;
  /** Lets the time be later at once; no timer hears of it. */
  pass(ms: number): void;
}

/** Opens the same world each time. */
export async function openDemoWorld(): Promise<DemoWorld> {
  const time = new StoryTime();
  const bus = await openEmbeddedBus({ file: ":memory:", clock: time });
  const logs = new LogDirectory();
  logs.append(loggedInstance, ...logLines);
  const tell = await tellerOn(bus);
  for (const one of story) {
    time.set(storyMs - one.agoS * 1000);
    await tell([one]);
  }
  time.set(storyMs);
  const agent = await logs.startAgent(bus, { clock: time });
  const gateway = await startGateway({ bus, clock: time, auth: openWithKey });
  const stops = ["atlas", "boreas"].map((node) => letBeat(bus, node));
  // A browser keeps no cookie that ended before its own time.
  const facts = { sub: "ada", org: "default", iat: storyMs / 1000 - 60, exp: Date.UTC(2100, 0) / 1000 };
  return {
    gateway,
    logs,
    token: await token(facts),
    tell,
    pass: (ms) => time.set(time.now() + ms),
    async [Symbol.asyncDispose]() {
      for (const stop of stops) stop();
      await gateway.close();
      await agent.close();
      await bus.close();
      logs[Symbol.dispose]();
    },
  };
}

/** The time of a story: it goes on as ours does, from wherever it is set. */
class StoryTime implements Clock {
  #shiftMs = 0;

  set(nowMs: number): void {
    this.#shiftMs = nowMs - systemClock.now();
  }

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  after(ms: number, task: () => void): Stop {
    return systemClock.after(ms, task);
  }

  every(ms: number, task: () => void): Stop {
    return systemClock.every(ms, task);
  }
}

/** Stores what is told where its first word says. */
async function tellerOn(bus: Bus): Promise<DemoWorld["tell"]> {
  const stores = new Map<string, (subject: string, data: Uint8Array) => Promise<unknown>>();
  for (const definition of withRooms(productStreams)) {
    if (definition.kind === "table") {
      const table = await bus.table(storeOf(definition));
      for (const word of definition.subjectPattern.stem) stores.set(word, (...said) => table.put(...said));
    } else if (definition.kind === "feed") {
      const journal = await bus.journal(journalOf(definition));
      for (const word of definition.subjectPattern.stem) stores.set(word, (...said) => journal.append(...said));
    }
  }
  return async (told) => {
    for (const { tail, body } of told) {
      const store = stores.get(tail.split(".")[0] ?? "");
      if (!store) throw new Error(`Nothing is stored under ${tail}`);
      await store(`skein.default.${tail}`, new TextEncoder().encode(JSON.stringify(body)));
    }
  };
}

/** Lets a node say, again and again, that it is there and what it makes instances from. */
function letBeat(bus: Bus, node: string): Stop {
  const agent = { name: "agent", description: "An agent that writes code", params: { model: "small", home: null } };
  const scout = { name: "scout", description: "Looks things up on the web", params: { depth: "2" } };
  const templates = node === "boreas" ? [scout] : [agent];
  const body = new TextEncoder().encode(JSON.stringify({ node, templates }));
  const beat = () => bus.publish(heartbeatSubject("default", node), body);
  beat();
  return systemClock.every(beatMs, beat);
}
