import { z } from "zod";
import type { Stop } from "../protocol/clock.ts";
import type { Credential } from "./credential.ts";
import { log, messageOf } from "./explained.ts";

const lookEveryMs = 1000;

const answer = z.object({ expires_at: z.string() });
const notice = z.object({ type: z.literal("token_expiring"), expires_at: z.string(), connection: z.string() });

/** Gives a connection the newer token, once its gateway has said that the old one ends and the file has another. */
export class Renewal implements Disposable {
  readonly #credential: Credential | undefined;
  readonly #hand: (credential: Credential, connection: string) => Promise<void>;
  #stop: Stop = () => {};

  /** `hand` gives the token to the gateway, for the connection of that id. */
  constructor(credential: Credential | undefined, hand: (credential: Credential, connection: string) => Promise<void>) {
    this.#credential = credential;
    this.#hand = hand;
  }

  /** Whether a frame is about the token, which is nothing to print. When it says that the token ends, the search begins. */
  takes(frame: string): boolean {
    if (frame.startsWith('{"type":"authenticated"')) {
      renewedBy(frame);
      return true;
    }
    if (!frame.startsWith('{"type":"token_expiring"')) return false;
    const { data } = notice.safeParse(JSON.parse(frame));
    if (data !== undefined) this.#begin(data);
    return data !== undefined;
  }

  close(): void {
    this.#stop();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begin({ connection, expires_at }: z.infer<typeof notice>): void {
    this.close();
    const credential = this.#credential;
    if (credential?.file === undefined)
      return log(`the token ends at ${expires_at}; with --token-file it could be renewed`);
    if (this.#look(credential, connection)) return;
    log(`the token ends at ${expires_at}; put a newer one into ${credential.file} to go on`);
    const timer = setInterval(() => this.#look(credential, connection), lookEveryMs);
    this.#stop = () => clearInterval(timer);
  }

  #look(credential: Credential, connection: string): boolean {
    if (!credential.renew()) return false;
    this.close();
    this.#hand(credential, connection).catch((thrown: unknown) =>
      log(`the token was not renewed: ${messageOf(thrown)}`),
    );
    return true;
  }
}

/** Says until when a connection may go on, as the gateway has answered. */
export function renewedBy(text: string): void {
  const { data } = answer.safeParse(JSON.parse(text));
  if (data) log(`the new token is taken and counts until ${data.expires_at}`);
}
