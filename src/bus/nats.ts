import { inBackground, isolatedClock, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { answer, ask } from "./answer.ts";
import type { Bus, BusState, Journal, JournalSpec, Rows, Said, StoreSpec, Table, TableSpec } from "./bus.ts";
import { Connection } from "./connection.ts";
import { exactSubject, subjectPattern } from "./grammar.ts";
import { Budget, newInFlight, requestsMax } from "./in-flight.ts";
import { NatsJournal } from "./journal.ts";
import { loginOf } from "./login.ts";
import { NatsRows } from "./rows.ts";
import { journalConfig, Store, type StreamConfig, tableConfig } from "./store.ts";
import { NatsTable } from "./table.ts";
import type { Certificates } from "./tls.ts";
import { Underway } from "./underway.ts";

/** How to reach NATS. */
export interface NatsOptions {
  /** One or more URLs, comma separated: `nats://host:4222`, `nats://user:pass@host`, `nats://token@host`, `tls://host`. */
  readonly url: string;
  readonly clock: Clock;
  /** The text of a file with NATS credentials (JWT and nkey seed), in place of a user or token in the URL. Default: none. */
  readonly creds?: string | undefined;
  /** What TLS is spoken with, as PEM; with any of it, or a `tls://` URL, no connection is made without TLS. Default: none. */
  readonly certificates?: Certificates;
  /** What inboxes begin with, for servers that give every user its own. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Hears in words why NATS cannot be reached, at every attempt that fails; never a credential. Default: nobody does. */
  readonly report?: (trouble: string) => void;
  /** Takes what followers, listeners and repliers throw, with what it was about. Default: `console.error`. */
  readonly onException?: Report;
}

/**
 * A bus on NATS with JetStream, from version 2.9 on.
 *
 * Resolves at once, also when NATS is not there: the state is then `away`, and it is tried for ever. Throws an Error when
 * the URL is none, or when credentials or certificates cannot be used; it says why and shows none of them.
 */
export async function openNatsBus(options: NatsOptions): Promise<Bus> {
  const { url, clock, creds, certificates = {}, inboxPrefix = "_INBOX", report = () => {} } = options;
  const { onException = console.error } = options;
  const login = loginOf({ url, creds, certificates, nowMs: clock.now() });
  const isolated = isolatedClock(clock, onException);
  return new NatsBus(new Connection({ login, clock: isolated, inboxPrefix, report, onException }));
}

class NatsBus implements Bus {
  readonly kind = "nats";
  readonly #connection: Connection;
  readonly #inFlight = newInFlight();
  readonly #requests = new Budget("requests", requestsMax);
  readonly #tables = new Map<string, Promise<NatsTable>>();
  readonly #journals = new Map<string, Promise<NatsJournal>>();
  readonly #underway = new Underway();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get state(): BusState {
    return this.#connection.state;
  }

  onState(listener: (state: BusState) => void): Stop {
    return this.#connection.onState(listener);
  }

  async table(spec: TableSpec): Promise<Table> {
    const store = this.#store(tableConfig(spec));
    return openOnce(this.#tables, store, () => new NatsTable(store));
  }

  async journal(spec: JournalSpec): Promise<Journal> {
    const store = this.#store(journalConfig(spec, spec.keepMs));
    return openOnce(this.#journals, store, () => new NatsJournal(store));
  }

  rows(spec: StoreSpec): Rows {
    return new NatsRows(this.#connection, spec, this.#underway);
  }

  publish(subject: string, data: Uint8Array): void {
    this.#connection.publish(exactSubject(subject), new Uint8Array(data));
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  subscribe(pattern: string, listener: (message: Said) => void): Stop {
    return this.#connection.subscribe(subjectPattern(pattern), ({ subject, data }) => listener({ subject, data }));
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const question = { data, timeoutMs };
    return this.#requests.spend(data.length, () => ask(this.#connection, exactSubject(subject), question));
  }

  reply(pattern: string, answerOne: (message: Said) => Promise<Uint8Array>): Stop {
    return this.#connection.subscribe(subjectPattern(pattern), (message) => {
      if (!message.reply) return;
      const answered = answer(this.#connection, message, answerOne);
      inBackground(`answering ${message.subject}`, answered, this.#connection.onException);
    });
  }

  async close(): Promise<void> {
    const stores = await Promise.allSettled([...this.#tables.values(), ...this.#journals.values()]);
    await Promise.all(stores.map((store) => store.status === "fulfilled" && store.value.close()));
    await this.#underway.settled();
    await this.#connection.close();
  }

  #store(config: StreamConfig): Store {
    if (this.#connection.closed) throw new Failure("bus_away", "The bus is closed");
    return new Store(this.#connection, config, this.#inFlight);
  }
}

/** Stores of one name are one store, so that each stream is read once; one that could not be opened is forgotten. */
function openOnce<Kind>(open: Map<string, Promise<Kind>>, store: Store, make: () => Kind): Promise<Kind> {
  const known = open.get(store.name);
  if (known) return known;
  const opening = store.open().then(make);
  open.set(store.name, opening);
  // The caller gets the reason.
  opening.catch(() => open.delete(store.name));
  return opening;
}
