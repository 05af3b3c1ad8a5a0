import type { NatsConnection } from "nats";
import { expect } from "vitest";
import type { Layout, User } from "../../src/bus/layout.ts";
import { publishProbes } from "../../src/bus/layout-probes.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { streamName } from "../../src/bus/store.ts";
import { layoutFor } from "../../src/cli/nats-layout.ts";
import { matches } from "../../src/protocol/subject.ts";
import { type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { stateOf } from "./recorder.ts";
import { makeStreams, readStates } from "./stream-states.ts";
import { Visitor } from "./visitor.ts";

export const flags = { org: ["acme", "beta"], agent: ["acme/planner", "beta/critic"] };
export const layout: Layout = layoutFor(flags, []);
/** Where each org has something that is not to change. */
export const victims = ["acme", "beta"].flatMap((org) =>
  [
    ...["instances.v", "managed.v", "runs.v", "messages.v", "graph.v", "mission.v", "tasks.v", "swarm.agents.v"],
    ...[
      "letters.v",
      "payloads.v",
      "revoked.jti.v",
      "revoked.all",
      "tickets.v",
      "rejected.runs.v",
      "attacks.v",
      "agents.v",
      "cracks.v",
    ],
  ].map((tail) => `skein.${org}.${tail}`),
);

/** What a gateway or an admin alone may have JetStream do, with a body that would do it. */
export const deeds = layout.stores.flatMap(({ name }): [subject: string, body: string][] => {
  const stream = streamName(name);
  const consumer = { stream_name: stream, config: { deliver_subject: "skein.acme.inbox.planner", ack_policy: "none" } };
  return [
    [`$JS.API.STREAM.PURGE.${stream}`, ""],
    [`$JS.API.STREAM.DELETE.${stream}`, ""],
    [`$JS.API.STREAM.MSG.DELETE.${stream}`, '{"seq":1}'],
    [`$JS.API.CONSUMER.CREATE.${stream}`, JSON.stringify(consumer)],
  ];
});

/** Subjects that others own, which a publisher may name as the place for an answer. */
export const replies: readonly string[] = [...victims, ...deeds.map(([subject]) => subject), ...publishProbes(layout)];

/** A NATS with all streams, each with something in it, and an admin who sees them. */
export class Siege implements AsyncDisposable {
  readonly locked: LockedNats;
  readonly admin: NatsConnection;

  static async begin(conf: string): Promise<Siege> {
    const locked = await startLockedNats(conf);
    const bus = await openNatsBus(locked.optionsOf("gateway"));
    await stateOf(bus, "up");
    await makeStreams(bus);
    await bus.close();
    const { nats: admin } = await Visitor.connect(locked, "admin");
    for (const subject of victims) await admin.request(subject, `{"of":"${subject}"}`);
    return new Siege(locked, admin);
  }

  private constructor(locked: LockedNats, admin: NatsConnection) {
    this.locked = locked;
    this.admin = admin;
  }

  /** What changed of the streams while something was done, but for what that user may write itself. */
  async changesOf({ publish = [] }: User, deed: () => Promise<void>): Promise<string[]> {
    const before = await readStates(this.admin, layout);
    await deed();
    const after = await readStates(this.admin, layout);
    const subjects = new Set([...Object.keys(before.places), ...Object.keys(after.places)]);
    const isForeign = (subject: string) => !publish.some((pattern) => matches(pattern, subject));
    const moved = [...subjects].filter(
      (subject) =>
        isForeign(subject) && JSON.stringify(before.places[subject]) !== JSON.stringify(after.places[subject]),
    );
    const streams = Object.keys(before.streams).filter(
      (name) => JSON.stringify(without(before.streams[name])) !== JSON.stringify(without(after.streams[name])),
    );
    return [...moved, ...streams];
  }

  /** Settles when the server has done all that the visitor asked for, and what came of it. */
  async settled({ nats }: Visitor, { publish = [] }: User): Promise<void> {
    await nats.flush();
    const own = publish.find((pattern) => /\.(?:runs|managed)\.\*$/.test(pattern));
    if (own)
      expect((await nats.request(own.replace("*", "last"), "{}")).json()).toMatchObject({ seq: expect.any(Number) });
    await this.admin.flush();
    for (const { name } of layout.stores) await this.admin.request(`$JS.API.STREAM.INFO.${streamName(name)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.close();
    await this.locked[Symbol.asyncDispose]();
  }
}

/** What the user writes itself may move the first message of a table. */
function without(stream: object = {}): object {
  return { ...stream, first_seq: 0 };
}
