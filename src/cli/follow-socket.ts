import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import WebSocket from "ws";
import { messageOf } from "./explained.ts";
import { addressOf, type End, type ErrorFrame, errorIn, type Follow, refusalOf, Sight } from "./follow.ts";
import { identifying } from "./gateway.ts";
import { Renewal } from "./renewal.ts";

const pingEveryMs = 30_000;
const handshakeMs = 30_000;

/** Follows a stream over WebSocket until the connection ends. */
export function overWebSocket(follow: Follow): Promise<End> {
  const address = addressOf(follow, "ws");
  address.protocol = address.protocol.replace("http", "ws");
  const headers = identifying(follow.gateway);
  const socket = new WebSocket(address, { headers, handshakeTimeout: handshakeMs, perMessageDeflate: false });
  const renewal = new Renewal(follow.gateway.credential, async ({ token }) =>
    socket.send(JSON.stringify({ type: "auth", token })),
  );
  const ping = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"type":"ping"}'), pingEveryMs);
  const sight = new Sight(follow);
  let fault = "";
  socket.on("message", (data) => {
    const frame = String(data);
    if (frame !== '{"type":"pong"}' && !renewal.takes(frame)) void sight.see(frame);
  });
  socket.on("error", (thrown) => {
    fault = messageOf(thrown);
  });
  return new Promise((resolve) => {
    const end = (how: End) => {
      clearInterval(ping);
      renewal.close();
      sight.printed.then(() => resolve(how));
    };
    socket.on("unexpected-response", (_request, response) => refused(response).then(end));
    socket.on("close", (code) => end(endOf(code, { error: sight.error, fault })));
  });
}

/** An upgrade that was answered with a status instead. */
async function refused(response: IncomingMessage): Promise<End> {
  const body = await text(response).catch(() => "");
  return refusalOf(response.statusCode ?? 500, errorIn(body), response.headers["retry-after"] ?? null);
}

/** What a close code tells the client to do (the table of docs/protocol.md). */
function endOf(code: number, { error, fault }: { error: ErrorFrame | undefined; fault: string }): End {
  if (code === 1000) return { kind: "over" };
  const message = error?.message ?? (fault || `the connection was closed with ${code}`);
  if (code >= 4000) return refusalOf(code - 4000, error ?? { type: "error", code: "", message });
  return { kind: code < 1008 ? "lost" : "refused", message };
}
