import type { NatsConnection } from "nats";
import type { Bus, JournalSpec, TableSpec } from "../../src/bus/bus.ts";
import type { Layout } from "../../src/bus/layout.ts";
import { streamName } from "../../src/bus/store.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";

const hour = 3_600_000;

/** The stores of a gateway beside those of the product's streams. */
const inner: { readonly tables: readonly TableSpec[]; readonly journals: readonly JournalSpec[] } = {
  tables: [
    { name: "letters", subjects: ["skein.*.letters.*"] },
    { name: "payloads", subjects: ["skein.*.payloads.*"], keepMs: hour },
    { name: "revoked", subjects: ["skein.*.revoked.>"] },
  ],
  journals: [
    { name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: hour },
    { name: "tickets", subjects: ["skein.*.tickets.*"], keepMs: hour },
  ],
};

/** Makes every stream that gateways make. */
export async function makeStreams(bus: Bus): Promise<void> {
  for (const spec of inner.tables) await bus.table(spec);
  for (const spec of inner.journals) await bus.journal(spec);
  for (const definition of withRooms(productStreams)) {
    if (definition.kind === "feed") await bus.journal(journalOf(definition));
    if (definition.kind === "table") await bus.table(storeOf(definition));
  }
}

/** What is stored under one subject. */
interface Place {
  readonly count: number;
  readonly newest: number;
  readonly body: string;
}

/** Everything that can be seen of the streams. */
export interface StreamStates {
  /** By subject. */
  readonly places: Readonly<Record<string, Place>>;
  /** By stream: how it is configured, who reads it, and what was removed from it. */
  readonly streams: Readonly<Record<string, object>>;
}

interface Info {
  readonly created: string;
  readonly config: object;
  readonly state: {
    readonly first_seq: number;
    readonly num_deleted?: number;
    readonly consumer_count: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

/** Reads all of it, as a user who may. */
export async function readStates(nats: NatsConnection, { stores }: Pick<Layout, "stores">): Promise<StreamStates> {
  const ask = async <Answer>(verb: string, body: object): Promise<Answer> =>
    (await nats.request(`$JS.API.${verb}`, JSON.stringify(body))).json<Answer>();
  const places: Record<string, Place> = {};
  const streams: Record<string, object> = {};
  for (const name of stores.map((store) => streamName(store.name))) {
    const { created, config, state } = await ask<Info>(`STREAM.INFO.${name}`, { subjects_filter: ">" });
    const { consumer_count, first_seq } = state;
    streams[name] = { created, config, consumer_count, first_seq };
    for (const [subject, count] of Object.entries(state.subjects ?? {})) {
      const { message } = await ask<{ message: { seq: number; data?: string } }>(`STREAM.MSG.GET.${name}`, {
        last_by_subj: subject,
      });
      places[subject] = { count, newest: message.seq, body: Buffer.from(message.data ?? "", "base64").toString() };
    }
  }
  return { places, streams };
}
