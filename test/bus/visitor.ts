import { connect, type NatsConnection } from "nats";
import type { LockedNats } from "../support/locked-nats.ts";

/** A user of NATS, not an admin, with nothing of ours in between. */
export class Visitor implements AsyncDisposable {
  readonly nats: NatsConnection;
  readonly #refused: string[] = [];
  readonly #waiting = new Set<() => void>();
  #fences = 0;

  static async connect({ server, secrets }: LockedNats, user: string): Promise<Visitor> {
    const nats = await connect({
      servers: [`127.0.0.1:${server.port}`],
      user,
      pass: secrets.passwordOf(user),
      tls: secrets.certificatesOf(user),
      inboxPrefix: `_INBOX.${user}`,
      reconnect: false,
    });
    return new Visitor(nats);
  }

  private constructor(nats: NatsConnection) {
    this.nats = nats;
    void this.#listen();
  }

  /** Whether a message to that subject is let through. */
  async mayPublish(subject: string): Promise<boolean> {
    this.nats.publish(subject);
    return !(await this.#refusals()).includes(`publish ${subject}`);
  }

  /** Whether that subject may be listened to. */
  async mayHear(subject: string): Promise<boolean> {
    const subscription = this.nats.subscribe(subject, { callback: () => {} });
    const refused = await this.#refusals();
    if (!subscription.isClosed()) subscription.unsubscribe();
    return !refused.includes(`subscription ${subject}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nats.close();
  }

  /** What was refused of all that was said so far: nobody may say what comes after it. */
  async #refusals(): Promise<readonly string[]> {
    this.#fences += 1;
    const fence = `fence.${this.#fences}`;
    this.nats.publish(fence);
    while (!this.#refused.includes(`publish ${fence}`)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#waiting.clear();
    }
    return this.#refused.splice(0);
  }

  async #listen(): Promise<void> {
    for await (const { permissionContext } of this.nats.status()) {
      if (!permissionContext) continue;
      this.#refused.push(`${permissionContext.operation} ${permissionContext.subject}`);
      for (const wake of this.#waiting) wake();
    }
  }
}
