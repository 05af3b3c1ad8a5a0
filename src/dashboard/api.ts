/** What the gateway refused, in its own words. */
export class ApiError extends Error {
  /** A word of the protocol's table of errors; `unreachable` when no gateway answered. */
  readonly code: string;
  /** The HTTP status; 0 when no gateway answered. */
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
  }
}

interface Asked {
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Asks the API for something: `get("api/templates")`. Throws ApiError with the sentence of the gateway. */
export function get<Answer>(path: string): Promise<Answer> {
  return ask(path, { method: "GET" });
}

/** What is at an address of the API, as it was sent: no number in it has lost a digit. Throws ApiError. */
export async function getText(path: string): Promise<string> {
  return (await answerTo(path, { method: "GET" })).text();
}

/**
 * Gives the API a command: `post("api/instances/agent-1/start")`. Throws ApiError with the sentence of the gateway.
 *
 * It carries a fresh `Idempotency-Key`, so a browser that repeats the request by itself does nothing twice.
 */
export function post<Answer>(path: string, body?: unknown): Promise<Answer> {
  const headers = { "Idempotency-Key": newKey() };
  return ask(path, { method: "POST", headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** Deletes what is at an address of the API. Throws ApiError with the sentence of the gateway. */
export function remove<Answer>(path: string): Promise<Answer> {
  return ask(path, { method: "DELETE", headers: { "Idempotency-Key": newKey() } });
}

/** Leaves a token to the browser, where no script of any page reads it again. Throws ApiError. */
export async function leaveToken(token: string): Promise<void> {
  await ask("api/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

/** An address of this gateway, below the page's own, so that it works behind a path prefix. */
export function addressOf(path: string): URL {
  return new URL(path, new URL(".", document.baseURI));
}

async function ask<Answer>(path: string, asked: Asked): Promise<Answer> {
  const said: unknown = await (await answerTo(path, asked)).json().catch(() => undefined);
  // The page belongs to the gateway that answers, so what it says is of the form that its protocol has.
  return said as Answer;
}

async function answerTo(path: string, { method, headers = {}, body }: Asked): Promise<Response> {
  const request = { method, headers, ...(body === undefined ? {} : { body }) };
  const answer = await fetch(addressOf(path), request).catch(() => undefined);
  if (answer === undefined) throw new ApiError("unreachable", 0, "The gateway does not answer");
  if (answer.ok) return answer;
  const { code, message } = wordsIn(await answer.json().catch(() => undefined));
  throw new ApiError(code ?? "unknown", answer.status, message ?? `The gateway answered HTTP ${answer.status}`);
}

function wordsIn(said: unknown): { readonly code?: string; readonly message?: string } {
  if (typeof said !== "object" || said === null) return {};
  const code = "code" in said && typeof said.code === "string" ? { code: said.code } : {};
  const message = "message" in said && typeof said.message === "string" ? { message: said.message } : {};
  return { ...code, ...message };
}

/** `crypto.randomUUID` is there only over TLS and on this machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
