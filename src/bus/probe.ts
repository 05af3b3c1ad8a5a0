import { setImmediate } from "node:timers/promises";
import { connect, headers, type NatsConnection } from "nats";
import { inBackground } from "../protocol/background.ts";
import { loginOf } from "./login.ts";
import type { NatsOptions } from "./nats.ts";
import { expiredAt } from "./tls.ts";
import { troubleIn } from "./trouble.ts";

/** How long an answer is waited for. */
const patienceMs = 2_000;

/** A body that no program of ours and no request of JetStream takes for anything. */
const nonsense = "skein-check";

/** The name of a stream that does not exist. */
const nowhere = "SKEIN_CHECK";

/** What JetStream answers, as far as it matters here. */
export interface ApiAnswer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description: string };
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * A user of NATS who finds out what it may do without doing it: a body is nonsense, and where a stream would store it, it
 * asks for another stream, so that JetStream refuses.
 */
export class Probe implements AsyncDisposable {
  readonly #nats: NatsConnection;
  readonly #refused = new Set<string>();

  /** Connects. Throws an Error that says why not, and shows no secret. */
  static async open(options: NatsOptions): Promise<Probe> {
    const { url, creds, certificates = {}, inboxPrefix = "_INBOX", clock, report = () => {} } = options;
    const login = loginOf({ url, creds, certificates, nowMs: clock.now() });
    try {
      const servers = [...login.servers];
      const nats = await connect({ ...login, servers, inboxPrefix, reconnect: false, timeout: patienceMs * 2 });
      return new Probe(nats, report);
    } catch (thrown) {
      const { tls } = login;
      throw new Error(
        troubleIn(thrown, {
          inboxPrefix,
          servers: login.servers,
          isSecure: tls !== undefined,
          hasCertificate: tls?.cert !== undefined,
          certificateEnd: () => tls && expiredAt(tls, clock.now()),
        }),
      );
    }
  }

  private constructor(nats: NatsConnection, report: (trouble: string) => void) {
    this.#nats = nats;
    inBackground("hear what NATS refuses", this.#listen(), (fault) => report(String(fault)));
  }

  /** The version of the server. */
  get version(): string {
    return this.#nats.info?.version ?? "unknown";
  }

  /** Which of the subjects may be published. */
  async publishable(subjects: readonly string[]): Promise<string[]> {
    for (const subject of subjects) this.#nats.publish(subject, nonsense, { headers: refusable() });
    return this.#allowed("publish", subjects);
  }

  /** Which of the patterns may be listened to. */
  async audible(patterns: readonly string[]): Promise<string[]> {
    const subscriptions = patterns.map((pattern) => this.#nats.subscribe(pattern, { callback: () => {} }));
    const allowed = await this.#allowed("subscription", patterns);
    for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
    return allowed;
  }

  /** What JetStream says to nonsense on a subject: a refusal when all is well, undefined when no word comes back. */
  async acknowledgement(subject: string): Promise<ApiAnswer | undefined> {
    return this.#ask(subject, nonsense, refusable());
  }

  /** One request to JetStream's API without a body; undefined when no answer comes. */
  async api(verb: string): Promise<ApiAnswer | undefined> {
    return this.#ask(`$JS.API.${verb}`, "", undefined);
  }

  /**
   * Has JetStream answer to another subject than an inbox, and says whether it stored the answer there. Both subjects must be
   * of one's own, and never used: a server that is not safe keeps that answer as a message.
   */
  async isAnswerStored(subject: string, reply: string): Promise<boolean | undefined> {
    this.#nats.publish(subject, nonsense, { headers: refusable(), reply });
    // What was published before is answered before.
    if ((await this.acknowledgement(subject)) === undefined) return undefined;
    const unreachable = headers();
    unreachable.set("Nats-Expected-Last-Subject-Sequence", String(Number.MAX_SAFE_INTEGER));
    const answer = await this.#ask(reply, nonsense, unreachable);
    const last = /wrong last sequence: (\d+)/.exec(answer?.error?.description ?? "")?.[1];
    return last === undefined ? undefined : last !== "0";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nats.close();
  }

  async #ask(subject: string, body: string, named: ReturnType<typeof headers> | undefined) {
    try {
      const options = { timeout: patienceMs, ...(named && { headers: named }) };
      const answer = await this.#nats.request(subject, body, options);
      const parsed: unknown = JSON.parse(answer.string());
      return typeof parsed === "object" && parsed !== null ? (parsed as ApiAnswer) : undefined;
    } catch {
      return undefined;
    }
  }

  async #allowed(operation: string, subjects: readonly string[]): Promise<string[]> {
    await this.#nats.flush();
    // The server has said what it refuses before it answered; the library hands it on a moment later.
    await setImmediate();
    return subjects.filter((subject) => !this.#refused.has(`${operation} ${subject}`));
  }

  async #listen(): Promise<void> {
    for await (const { permissionContext } of this.#nats.status()) {
      if (permissionContext) this.#refused.add(`${permissionContext.operation} ${permissionContext.subject}`);
    }
  }
}

function refusable() {
  const named = headers();
  named.set("Nats-Expected-Stream", nowhere);
  return named;
}
