import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { z } from "zod";
import { bearer, type Facts, token } from "../support/tokens.ts";
import { Asked, type Question } from "./isolation-asked.ts";

/** Tokens and tickets that must not be found anywhere, and everything that a gateway has answered about them. */
export class Planting {
  readonly #url: string;
  readonly #planted = new Set<string>();
  readonly #seen: string[] = [];
  #count = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** How often something was planted. */
  get count(): number {
    return this.#count;
  }

  /** Remembers a secret, and gives it. */
  plant(text: string): string {
    // Of a token also the claims and the signature alone: half of it is not to be found either.
    for (const part of [text, ...text.split(".").slice(1)]) if (part.length > 12) this.#planted.add(part);
    return text;
  }

  /** A token that counts unless its facts are in the way. */
  async token(facts: Facts = {}): Promise<string> {
    return this.plant(await token(facts));
  }

  /** The texts in which something planted is found, the first of it and what is around it. */
  foundIn(texts: readonly string[]): string[] {
    return texts.flatMap((text) => {
      const found = [...this.#planted].find((part) => text.includes(part));
      if (found === undefined) return [];
      const at = text.indexOf(found);
      return [`${text.slice(0, 60)} … ${text.slice(Math.max(0, at - 120), at + found.length + 40)}`];
    });
  }

  /** Everything that was answered so far. */
  get answers(): readonly string[] {
    return this.#seen;
  }

  /** Asks and keeps all that comes; of a stream the first frame is enough. */
  async ask(question: Omit<Question, "url">, how: "http" | "ws" = "http"): Promise<Asked> {
    this.#count += 1;
    const asked =
      how === "ws" ? Asked.ws({ ...question, url: this.#url }) : Asked.http({ ...question, url: this.#url });
    await asked.until(({ bytes }) => /^101 |text\/event-stream/m.test(bytes) && /"type":"(?!error)/.test(bytes));
    asked[Symbol.dispose]();
    // The one answer that has a token in it is the cookie that somebody asked to get with it.
    const isOwnCookie = question.path === "/api/session" && question.method === "POST" && asked.status === 201;
    this.#seen.push(isOwnCookie ? asked.bytes.replace(/set-cookie\nskein_session=\S+/i, "") : asked.bytes);
    return asked;
  }

  /** A ticket for a stream, by a token. */
  async ticket(text: string, stream: string): Promise<string> {
    const body = JSON.stringify({ stream });
    const asked = Asked.http({ url: this.#url, path: "/api/tickets", method: "POST", headers: bearer(text), body });
    const { ticket } = z.object({ ticket: z.string() }).parse(JSON.parse((await asked.whole()).body));
    return this.plant(ticket);
  }

  /** Opens a WebSocket with a token, says something in it, and keeps what comes until it ends or is answered. */
  async say(text: string, message: string): Promise<void> {
    this.#count += 1;
    const socket = new WebSocket(`${this.#url.replace("http", "ws")}/ws/instances`, { headers: bearer(text) });
    const ended = new Promise<void>((resolve) => {
      socket.on("error", () => resolve());
      socket.on("close", (code, reason) => {
        this.#seen.push(`${code} ${reason}`);
        resolve();
      });
      socket.on("message", (data) => {
        const frame = String(data);
        this.#seen.push(frame);
        if (frame.startsWith('{"type":"snapshot"')) socket.send(message);
        else if (!frame.startsWith('{"type":"error"')) socket.close();
      });
    });
    await ended;
  }
}

const streamPaths = [
  "/poll/instances",
  "/sse/instances",
  "/poll/nope",
  "/poll/messages?recent=999",
  "/sse/instances?x=1",
];
const apiPaths = [
  "/api/instances",
  "/api/nope",
  "/nope",
  "/metrics",
  "/session",
  "/ws/instances",
  "/api/instances/nope",
];

/** Shows a credential everywhere that one can be shown, beside everything else that can go wrong. */
export async function plantEverywhere(planting: Planting, shown: string): Promise<void> {
  const carriers = [bearer(shown), { cookie: `skein_session=${shown}` }, { authorization: `Basic ${shown}` }];
  const asks: Promise<unknown>[] = [];
  for (const path of [...streamPaths, ...apiPaths]) {
    for (const headers of carriers) asks.push(planting.ask({ path, headers }));
    const and = path.includes("?") ? "&" : "?";
    for (const query of [`token=${shown}`, `token=${shown}&token=${shown}`, `ticket=${shown}`, `${shown}=1`])
      asks.push(planting.ask({ path: `${path}${and}${query}` }));
  }
  for (const path of ["/ws/nope", "/ws/messages?recent=999"]) {
    for (const protocols of [["token", shown], [shown, "token"], [shown]])
      asks.push(planting.ask({ path, protocols }, "ws"));
    asks.push(planting.ask({ path: `${path.split("?")[0]}?token=${shown}` }, "ws"));
    asks.push(planting.ask({ path, headers: bearer(shown) }, "ws"));
  }
  await Promise.all(asks);
}

/** Shows a credential with bodies that are wrong, and within them. */
export async function plantInBodies(planting: Planting, shown: string): Promise<void> {
  const headers = bearer(shown);
  const bodies = ['{"type":', `{"token":"${shown}"}`, `{"type":"boot","timestamp":1,"token":"${shown}"`, `"${shown}"`];
  const posts = ["/api/publish/runs/r1", "/api/messages", "/api/tickets", "/api/session/refresh", "/api/revocations"];
  const asks = [...posts, "/api/instances", "/api/publish/nope"].flatMap((path) =>
    bodies.map((body) => planting.ask({ path, method: "POST", headers, body })),
  );
  await Promise.all(asks);
  await planting.ask({ path: "/api/session", method: "POST", headers });
  await planting.ask({ path: "/api/session/refresh", method: "POST", headers, body: '{"connection":"a.b.c"}' });
}

/** Shows a credential in an open WebSocket, in order and not. */
export async function plantInBand(planting: Planting, good: string, shown: string): Promise<void> {
  const messages = [
    { type: "auth", token: shown },
    { type: "auth", token: [shown] },
    { type: "auth", [shown]: shown },
    { type: "login", token: shown },
  ].map((message) => JSON.stringify(message));
  const broken = [`{"type":"auth","token":"${shown}`, shown];
  await Promise.all([...messages, ...broken].map((message) => planting.say(good, message)));
}

/** What looks like a token to whoever looks at its form, and like nothing at all. */
export function garbage(): readonly string[] {
  const random = () => randomBytes(24).toString("base64url");
  return [`${random()}.${random()}.${random()}`, random()];
}
