import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Connection } from "../../src/client/connection.ts";
import { PollWire } from "../../src/client/poll.ts";
import type { Status, Transport } from "../../src/client/skein.ts";
import { EventWire } from "../../src/client/sse.ts";
import { type Action, type Event, type State, table } from "../../src/client/states.ts";
import { SocketWire } from "../../src/client/ws.ts";
import { eventStream, ScriptedWorld, settled } from "./scripted-world.ts";

const states = Object.keys(table) as State[];
const wires = { ws: SocketWire, sse: EventWire, poll: PollWire };
const expiring = { type: "token_expiring", connection: "c1" };
const pong = { type: "pong" };

/** The table of docs/client.md: what it says of each event in each state. */
const documented = readDocumented();

interface DocumentedCell {
  readonly event: Event;
  readonly state: State;
  readonly says: string;
}

function readDocumented(): DocumentedCell[] {
  const page = readFileSync(new URL("../../docs/client.md", import.meta.url), "utf8");
  const cellsOf = (line: string) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const lines = page.split("\n");
  const head = lines.findIndex((line) => line.startsWith("| event | idle |"));
  const [, ...columns] = cellsOf(lines[head] ?? "");
  const body = lines.slice(head + 2);
  return body.slice(0, body.indexOf("")).flatMap((line) => {
    const [event, ...cells] = cellsOf(line);
    return cells.map((says, i) => ({ event: event as Event, state: columns[i] as State, says }));
  });
}

/** A connection whose world, and whose gateway, is the test. */
class Scene {
  readonly world = new ScriptedWorld();
  readonly asked: ((token: string) => void)[] = [];
  readonly connection: Connection;
  status: Status = { state: "idle", transport: "ws" };
  stream = eventStream();

  constructor(transports: readonly Transport[] = ["ws", "sse", "poll"]) {
    const { world } = this;
    const token = () => new Promise<string>((resolve) => this.asked.push(resolve));
    const parts = { base: "http://gateway.test/", token, transports, wires, surroundings: world };
    this.connection = new Connection(parts, {
      frame() {},
      phase() {},
      adopt() {},
      stateOf() {},
      status: (status) => {
        this.status = status;
      },
    });
  }

  /** Every provider that was asked gives a token that nobody has seen. */
  async giveToken(): Promise<void> {
    for (const give of this.asked.splice(0)) give(`token-${Math.random()}`);
    await settled();
  }

  async reach(state: State): Promise<void> {
    await reach[state](this);
  }
}

/** Brings a connection into a state, by what happens in the world. */
const reach: Readonly<Record<State, (scene: Scene) => Promise<void>>> = {
  idle: async () => {},
  asking: async ({ connection }) => connection.follow("instances", undefined),
  async opening(scene) {
    await reach.asking(scene);
    await scene.giveToken();
  },
  async live(scene) {
    await reach.opening(scene);
    scene.world.socketNow.say(pong);
  },
  async checking(scene) {
    await reach.live(scene);
    scene.world.wake();
  },
  async waiting(scene) {
    await reach.live(scene);
    scene.world.socketNow.end(1006);
  },
  async refused(scene) {
    await reach.live(scene);
    scene.world.socketNow.end(4403);
  },
  async closed(scene) {
    await reach.live(scene);
    scene.connection.close();
  },
};

/** How long each state lasts when nothing happens. */
const lastsMs: Readonly<Record<State, number>> = {
  idle: 600_000,
  asking: 30_000,
  opening: 4000,
  live: 10_000,
  checking: 5000,
  waiting: 1000,
  refused: 600_000,
  closed: 600_000,
};

/** Lets something happen, or what comes nearest to it where it cannot: a late word of what is over. */
const happen: Readonly<Record<Event, (scene: Scene, state: State) => Promise<void> | void>> = {
  want: ({ connection }) => connection.follow("messages", undefined),
  unwant: ({ connection }) => connection.leave("instances"),
  token: (scene) => scene.giveToken(),
  heard: ({ world }) => world.sockets.at(-1)?.say(pong),
  lost: ({ world }) => world.sockets.at(-1)?.end(1006),
  spent: ({ world }) => world.sockets.at(-1)?.end(1006),
  unknown: ({ world }) => world.sockets.at(-1)?.end(4401),
  denied: ({ world }) => world.sockets.at(-1)?.end(4403),
  due: ({ world }, state) => world.clock.pass(lastsMs[state]),
  wake: ({ world }) => world.wake(),
  offline({ world }) {
    world.online = false;
    world.wake();
  },
  better: ({ world }) => world.sockets.at(-1)?.say(pong),
  expiring: ({ world }) => world.sockets.at(-1)?.say(expiring),
  close: ({ connection }) => connection.close(),
};

/** Brings a connection into a state on event streams, with a WebSocket on trial beside it that has not answered. */
async function reachOnWorse(scene: Scene, state: State): Promise<void> {
  const { world } = scene;
  await reach.opening(scene);
  world.clock.pass(4000);
  world.clock.pass(0);
  world.requestNow.respond(scene.stream.answer);
  scene.stream.push('data: {"type":"ping"}\n\n');
  await settled();
  expect(scene.status).toMatchObject({ state: "live", transport: "sse" });
  if (state === "checking") world.wake();
  world.clock.pass(state === "checking" ? 0 : 30_000);
  expect(world.sockets).toHaveLength(2);
}

/** Which state a connection is in, by what it does. */
function seen({ world, status, asked }: Scene, read: () => Status): State {
  const { state } = status;
  if (state === "connecting") return asked.length > 0 ? "asking" : "opening";
  if (state === "offline") return "waiting";
  if (state !== "live") return state;
  world.clock.pass(5000);
  return read().state === "live" ? "live" : "checking";
}

/** What can be seen of an action at once. */
const visible: Readonly<Record<Action, (scene: Scene, before: Counts) => void>> = {
  ask: ({ asked }) => expect(asked).toHaveLength(1),
  open: ({ world }, before) => expect(world.sockets).toHaveLength(before.sockets + 1),
  slow: ({ status }) => expect(status.transport).toBe("sse"),
  fall: ({ status }) => expect(status.transport).toBe("sse"),
  rise: ({ world, status }, before) => {
    expect(world.sockets).toHaveLength(before.sockets + 1);
    expect(status.transport).toBe("ws");
    expect(world.requests.every(({ aborted }) => aborted())).toBe(true);
  },
  settle: ({ status }) => expect(status.state).toBe("live"),
  tick: ({ status }) => expect(status.state).toBe("live"),
  check: ({ world }, before) => expect(world.socketNow.sent).toHaveLength(before.sent + 1),
  calm: ({ status }) => expect(status.state).toBe("live"),
  renew: ({ asked }) => expect(asked).toHaveLength(1),
  wait: ({ world, status }) => expect(status.retryAtMs).toBeGreaterThan(world.now()),
  renounce: ({ world, status }) => expect(status.retryAtMs).toBeGreaterThan(world.now()),
  refuse: ({ world }) => expect(world.sockets.every(({ isClosed }) => isClosed)).toBe(true),
  stop: ({ world }) => expect(world.sockets.every(({ isClosed }) => isClosed)).toBe(true),
};

/** After this, one more failure is the third. */
async function failTwice(scene: Scene): Promise<void> {
  for (const ms of [1000, 2000]) {
    scene.world.socketNow.end(1006);
    scene.world.clock.pass(ms);
    await scene.giveToken();
  }
}

interface Counts {
  readonly sockets: number;
  readonly requests: number;
  readonly sent: number;
}

function count({ world }: Scene): Counts {
  const { sockets, requests } = world;
  return { sockets: sockets.length, requests: requests.length, sent: sockets.at(-1)?.sent.length ?? 0 };
}

/** What cannot happen in some states at all: there is no wire that could say it, or another word comes before it. */
const impossible: Readonly<Partial<Record<Event, readonly State[]>>> = {
  lost: ["asking"],
  denied: ["asking"],
  spent: states.filter((state) => state !== "opening"),
  better: ["opening"],
  expiring: ["opening", "checking"],
};

describe("the table of states", () => {
  test("in the documentation says all that the code does, and nothing else", () => {
    const inCode = documented.map(({ state, event }) => ({
      event,
      state,
      says: table[state][event]?.join(": ") ?? "–",
    }));
    expect(inCode).toEqual(documented);
    expect(documented).toHaveLength(states.length * 14);
  });

  const cells = documented.filter(({ event, state }) => !impossible[event]?.includes(state));

  test.each(cells)("$event when $state: $says", async ({ event, state, says }) => {
    const [next = state, action] = says === "–" ? [] : (says.split(": ") as [State, Action]);
    const scene = new Scene();
    if (event === "better" && action) await reachOnWorse(scene, state);
    else await scene.reach(state);
    if (event === "spent") await failTwice(scene);
    const before = count(scene);
    await happen[event](scene, state);
    await settled();
    if (action) visible[action](scene, before);
    else if (event !== "want") expect(count(scene)).toEqual({ ...before, sent: count(scene).sent });
    expect(seen(scene, () => scene.status)).toBe(next);
  });

  test("asks for a token in vain: the connection waits", async () => {
    const scene = new Scene();
    const parts = { base: "http://gateway.test/", transports: ["ws"] as const, wires, surroundings: scene.world };
    const statuses: Status[] = [];
    const connection = new Connection(
      { ...parts, token: () => Promise.reject(new Error("signed out")) },
      { frame() {}, phase() {}, adopt() {}, stateOf() {}, status: (status) => statuses.push(status) },
    );
    connection.follow("instances", undefined);
    await settled();
    expect(statuses.at(-1)).toMatchObject({ state: "waiting", refusal: { message: "Error: signed out" } });
  });
});
