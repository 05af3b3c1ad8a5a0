import { Failure, type FailureCode } from "../protocol/failure.ts";
import type { LetterMetadata } from "../protocol/letter.ts";
import { type Answered, HttpWire } from "./http-wire.ts";
import type { MailOutlet, Receipt } from "./outlet.ts";

/** How to reach a gateway. */
export interface HttpOptions {
  /** `http://host:7420`, or what a proxy makes of it. */
  readonly url: string;
  /** A token with the role `publisher`, or what gives one: asked again when the gateway refuses the one before. */
  readonly token?: Token | undefined;
}

/** A token as it is, or where to get one. */
export type Token = string | (() => string | Promise<string>);

/** How many requests are under way at a time, each on a connection of its own. */
const width = 64;

/** What a gateway may say; anything else was not said by a gateway. */
const known: ReadonlySet<string> = new Set([
  "bad_request",
  "invalid_body",
  "token_required",
  "token_invalid",
  "token_expired",
  "token_revoked",
  "forbidden",
  "forbidden_origin",
  "forbidden_host",
  "not_found",
  "unknown_subject",
  "conflict",
  "owned_by_node",
  "body_too_large",
  "message_too_large",
  "too_many_connections",
  "too_many_publishes",
  "internal",
  "bus_away",
  "keys_away",
  "shutting_down",
] satisfies FailureCode[]);

interface Posting {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly body: Uint8Array;
  readonly id: string;
}

/** Publishes through the API of a gateway. Throws an Error when the address is none. */
export function httpOutlet({ url, token }: HttpOptions): MailOutlet {
  const base = baseOf(url);
  const bearer = new Bearer(token);
  const wire = new HttpWire(base, width);
  const post = (posting: Posting) => posted(wire, bearer, posting);
  return {
    width,
    keepsOrder: false,
    async publish({ names, body, id }) {
      const path = `api/publish/${names.map(encodeURIComponent).join("/")}`;
      const method = body.length === 0 ? "DELETE" : "POST";
      return receiptIn(await post({ method, path, body, id }), base);
    },
    async send({ body, id }) {
      // What a gateway of ours answers with 200 or 201 to a message is its metadata.
      return (await post({ method: "POST", path: "api/messages", body, id })) as unknown as LetterMetadata;
    },
    onUp: () => () => {},
    close: async () => wire.close(),
  };
}

function baseOf(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return `${url.origin}${url.pathname.replace(/\/$/, "")}/`;
  throw new Error("The address of a gateway looks like http://host:7420 or https://host");
}

/** Shows a token, and gets another when that one does no longer. */
class Bearer {
  readonly #token: Token | undefined;
  #present: string | undefined;

  constructor(token: Token | undefined) {
    this.#token = token;
  }

  get canRenew(): boolean {
    return typeof this.#token === "function";
  }

  async headers(): Promise<Record<string, string>> {
    this.#present ??= typeof this.#token === "function" ? await this.#token() : this.#token;
    return this.#present === undefined ? {} : { authorization: `Bearer ${this.#present}` };
  }

  forget(headers: Record<string, string>): void {
    if (headers.authorization === `Bearer ${this.#present}`) this.#present = undefined;
  }
}

type Answer = Readonly<Record<string, unknown>>;

/** Posts once, and once more with a new token when the old one was refused. */
async function posted(wire: HttpWire, bearer: Bearer, posting: Posting): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const shown = await tokenOf(bearer);
    const { status, text, retryAfter } = await exchange(wire, shown, posting);
    const answer = objectIn(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer;
    if (status === 401 && bearer.canRenew && tries === 1) bearer.forget(shown);
    else throw refusal(status, answer, retryAfter);
  }
}

async function tokenOf(bearer: Bearer): Promise<Record<string, string>> {
  try {
    return await bearer.headers();
  } catch (thrown) {
    throw new Failure("keys_away", "There is no token to be had now", { cause: thrown });
  }
}

async function exchange(wire: HttpWire, shown: Record<string, string>, { id, ...rest }: Posting): Promise<Answered> {
  try {
    const headers = { ...shown, "content-type": "application/json", "idempotency-key": id };
    return await wire.send({ ...rest, headers });
  } catch (thrown) {
    throw new Failure("bus_away", "No gateway answers", { cause: thrown });
  }
}

function refusal(status: number, answer: Answer | undefined, retryAfter: string | undefined): Failure {
  const { code, message } = answer ?? {};
  const seconds = Number(retryAfter ?? Number.NaN);
  const options = Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {};
  if (isKnown(code)) return new Failure(code, String(message), options);
  // A proxy, or a gateway that is just starting.
  if (status === 408 || status === 429 || status >= 502) {
    return new Failure("bus_away", `What stands before the gateway answered ${status}`, options);
  }
  return new Failure("not_found", `What answers there is no gateway (${status})`);
}

function isKnown(code: unknown): code is FailureCode {
  return typeof code === "string" && known.has(code);
}

function objectIn(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function receiptIn({ position, duplicate }: Answer, base: string): Receipt {
  if (typeof position === "number") return { position, duplicate: duplicate === true };
  throw new Failure("not_found", `What answers at ${base} is no gateway`);
}
