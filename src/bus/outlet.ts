import { headers } from "nats";
import { isolatedClock } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Ack, BusState } from "./bus.ts";
import { Connection } from "./connection.ts";
import { exactSubject } from "./grammar.ts";
import { JetStreamError, parseAnswer } from "./jetstream.ts";
import { loginOf } from "./login.ts";
import type { NatsOptions } from "./nats.ts";

/** One who only publishes: it needs no right but to publish, and opens no store. */
export interface NatsOutlet {
  readonly state: BusState;
  onState(listener: (state: BusState) => void): Stop;
  /**
   * Has a message stored by whatever store keeps its subject, trying once; an id that was stored before makes it a duplicate.
   *
   * Throws `no_responder` when nothing keeps the subject now, `bus_away` when no word came, `message_too_large`, `forbidden`,
   * and `bad_request` when JetStream refuses.
   */
  put(subject: string, data: Uint8Array, id: string): Promise<Ack>;
  close(): Promise<void>;
}

const answerWithinMs = 5_000;

/** Resolves at once, also when NATS is not there. Throws an Error as `openNatsBus` does. */
export async function openNatsOutlet(options: NatsOptions): Promise<NatsOutlet> {
  const { url, creds, certificates = {}, inboxPrefix = "_INBOX", report = () => {} } = options;
  const { onException = console.error } = options;
  const clock = isolatedClock(options.clock, onException);
  const login = loginOf({ url, creds, certificates, nowMs: clock.now() });
  const connection = new Connection({ login, clock, inboxPrefix, report, onException });
  return {
    get state() {
      return connection.state;
    },
    onState: (listener) => connection.onState(listener),
    put: (subject, data, id) => put(connection, { subject: exactSubject(subject), data, id }),
    close: () => connection.close(),
  };
}

interface Publication {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly id: string;
}

async function put(connection: Connection, { subject, data, id }: Publication): Promise<Ack> {
  const named = headers();
  named.set("Nats-Msg-Id", id);
  try {
    const answer = await connection.request(subject, { data, headers: named, timeoutMs: answerWithinMs });
    const { seq, duplicate } = parseAnswer<{ seq: number; duplicate?: boolean }>(answer.data);
    return { position: seq, duplicate: duplicate === true };
  } catch (thrown) {
    throw refusal(thrown);
  }
}

function refusal(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof SyntaxError)
    return new Failure("conflict", "Something else than a store answers on that subject");
  if (!(thrown instanceof JetStreamError))
    return new Failure("forbidden", thrown instanceof Error ? thrown.message : "");
  const isPassing = thrown.status >= 500 || thrown.status === 429;
  return new Failure(isPassing ? "bus_away" : "bad_request", `JetStream does not take it: ${thrown.message}`);
}
