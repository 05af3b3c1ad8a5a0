import { describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { Recorder } from "./recorder.ts";

const minute = 60_000;
const bytes = (text: string) => new TextEncoder().encode(text);

/** What a bus has reported so far, and whoever waits for more. */
class Reports {
  readonly texts: string[] = [];
  readonly causes: unknown[] = [];
  #wake: () => void = () => {};

  readonly take = (fault: unknown): void => {
    this.texts.push(fault instanceof Error ? fault.message : String(fault));
    this.causes.push(fault instanceof Error ? fault.cause : undefined);
    this.#wake();
  };

  async count(count: number): Promise<void> {
    while (this.texts.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

interface Opened extends AsyncDisposable {
  readonly bus: Bus;
}

async function embedded(onException: (fault: unknown) => void): Promise<Opened> {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock, onException });
  return { bus, [Symbol.asyncDispose]: () => bus.close() };
}

async function nats(onException: (fault: unknown) => void): Promise<Opened> {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock, onException });
  await isUp(bus);
  return {
    bus,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await server.stop();
    },
  };
}

const defect = new Error("a defect");

describe.each([
  ["the embedded bus", embedded],
  ["NATS", nats],
])("Over %s,", (_, open) => {
  test("a follower that throws loses that message alone, and the report says which", async () => {
    const reports = new Reports();
    await using place = await open(reports.take);
    const journal = await place.bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: minute });
    const heard: string[] = [];
    const faulty = new Recorder();
    faulty.message = ({ subject }) => {
      heard.push(subject);
      if (subject === "runs.a") throw defect;
    };
    const recorder = new Recorder();
    const stops = [journal.follow(faulty), journal.follow(recorder)];
    await recorder.until(({ levels }) => levels > 0);
    const { position } = await journal.append("runs.a", bytes("one"));
    await journal.append("runs.b", bytes("two"));
    await recorder.until(({ messages }) => messages.length === 2);
    expect(heard).toEqual(["runs.a", "runs.b"]);
    // On NATS the store is called after its stream.
    expect(reports.texts).toEqual([expect.stringMatching(/^following \S*runs, runs\.a at position \d+: a defect$/i)]);
    expect(reports.texts[0]).toContain(` ${position}:`);
    expect(reports.causes).toEqual([defect]);
    for (const stop of stops) stop();
  });

  test("a listener of a plain subject that throws goes on to hear, and so do others", async () => {
    const reports = new Reports();
    await using place = await open(reports.take);
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    const stops = [
      place.bus.subscribe("news.*", () => {
        throw defect;
      }),
      place.bus.subscribe("news.*", ({ subject }) => {
        if (heard.push(subject) === 2) all.resolve();
      }),
    ];
    for (const tail of ["a", "b"]) place.bus.publish(`news.${tail}`, bytes("x"));
    await all.promise;
    await reports.count(2);
    expect(heard).toEqual(["news.a", "news.b"]);
    expect(reports.causes).toEqual([defect, defect]);
    for (const text of reports.texts) expect(text).toMatch(/^hearing news\.[ab*]: a defect$/);
    for (const stop of stops) stop();
  });

  test("what a replier throws that is no Failure reaches the asker as internal, and is reported", async () => {
    const reports = new Reports();
    await using place = await open(reports.take);
    const stop = place.bus.reply("ask.me", async () => {
      throw defect;
    });
    await expect(place.bus.request("ask.me", bytes("x"), 5000)).rejects.toMatchObject({ code: "internal" });
    expect(reports.texts).toEqual(["answering ask.me: a defect"]);
    stop();
  });

  test("a listener of the state that throws does not keep others from hearing it", async () => {
    const reports = new Reports();
    const place = await open(reports.take);
    const heard: string[] = [];
    place.bus.onState(() => {
      throw defect;
    });
    place.bus.onState((state) => heard.push(state));
    await place[Symbol.asyncDispose]();
    expect(heard).toEqual(["away"]);
    expect(reports.texts).toEqual(["telling that the bus is away: a defect"]);
  });
});
