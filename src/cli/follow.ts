import { elementsOf } from "../protocol/elements.ts";
import { messageOf } from "./explained.ts";

/** A stream being followed. */
export interface Follow {
  readonly address: URL;
  /** The cursor to go on from; moves on with every frame. */
  since: string | undefined;
  readonly print: (frame: string) => Promise<void>;
}

/** How a connection ended: the stream is over, we were refused, or it was lost and can be tried again. */
export type End = { kind: "over" } | { kind: "refused" | "lost"; message: string };

export type Transport = "ws" | "sse" | "poll";

const pingEveryMs = 30_000;

/** Follows a stream over each transport until the connection ends. */
export const followers: Record<Transport, (follow: Follow) => Promise<End>> = {
  ws: overWebSocket,
  sse: (follow) => orLost(overEvents(follow)),
  poll: (follow) => orLost(overPolls(follow)),
};

function overWebSocket(follow: Follow): Promise<End> {
  const address = withSince(follow);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  const ping = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"type":"ping"}'), pingEveryMs);
  let printed = Promise.resolve();
  let message = "";
  socket.onmessage = ({ data }) => {
    const frame = String(data);
    if (frame === '{"type":"pong"}') return;
    message = errorIn(frame) ?? message;
    printed = printed.then(() => see(follow, frame));
  };
  return new Promise((resolve) => {
    socket.onclose = ({ code }) => {
      clearInterval(ping);
      printed.then(() => resolve(endOf(code, message)));
    };
  });
}

/** What a close code tells the client to do (the table of docs/protocol.md). */
function endOf(code: number, message: string): End {
  if (code === 1000) return { kind: "over" };
  const isWorthTrying = code < 1008 || code === 4408 || code === 4429 || code >= 4500;
  return { kind: isWorthTrying ? "lost" : "refused", message: message || `the connection was closed with ${code}` };
}

async function overEvents(follow: Follow): Promise<End> {
  const response = await fetch(withSince(follow), { headers: { Accept: "text/event-stream" } });
  if (response.status === 204) return { kind: "over" };
  if (!response.ok || !response.body) return refusalOf(response.status, await response.text());
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    rest += text;
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) await see(follow, data.slice("data: ".length));
    }
  }
  return { kind: "lost", message: "the response ended" };
}

async function overPolls(follow: Follow): Promise<End> {
  for (;;) {
    const address = withSince(follow);
    if (follow.since !== undefined) address.searchParams.set("wait", "20");
    const response = await fetch(address);
    if (!response.ok) return refusalOf(response.status, await response.text());
    for (const frame of elementsOf(await response.text())) await see(follow, frame);
    follow.since = response.headers.get("skein-cursor") ?? follow.since;
    if (response.headers.has("skein-end")) return { kind: "over" };
  }
}

function refusalOf(status: number, body: string): End {
  const isWorthTrying = status === 429 || status >= 500;
  return { kind: isWorthTrying ? "lost" : "refused", message: errorIn(body) ?? `the gateway answered ${status}` };
}

async function see(follow: Follow, frame: string): Promise<void> {
  if (frame.startsWith('{"type":"ping"')) return;
  const { cursor } = JSON.parse(frame) as { cursor?: string };
  follow.since = cursor ?? follow.since;
  await follow.print(frame);
}

function errorIn(frame: string): string | undefined {
  if (!frame.startsWith('{"type":"error"')) return undefined;
  const { message } = JSON.parse(frame) as { message?: unknown };
  return typeof message === "string" ? message : undefined;
}

function withSince({ address, since }: Follow): URL {
  const url = new URL(address);
  if (since !== undefined) url.searchParams.set("since", since);
  return url;
}

async function orLost(following: Promise<End>): Promise<End> {
  try {
    return await following;
  } catch (thrown) {
    const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
    return { kind: "lost", message: messageOf(cause) || "the connection was lost" };
  }
}
