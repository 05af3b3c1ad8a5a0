/** An answer of the API as a test reads it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the body; undefined when there is none. */
  readonly body: unknown;
}

/** Asks a gateway: `rest(url, "POST instances/a1/start", body)`. */
export async function rest(
  url: string,
  what: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const [method = "GET", path = ""] = what.split(" ");
  const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${url}/api/${path}`, {
    method,
    headers,
    ...(payload !== undefined && { body: payload }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}
