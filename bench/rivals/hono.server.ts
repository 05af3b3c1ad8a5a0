/** The Hono server under test: what its documentation shows, frames coming from the bus. */
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { type WebSocket, WebSocketServer } from "ws";
import { upstream } from "./upstream.ts";

const { port, follow } = upstream();
const streams = new Set<SSEStreamingApi>();
const sockets = new Set<WebSocket>();
const app = new Hono();

app.get("/stream", (context) =>
  streamSSE(context, async (stream) => {
    streams.add(stream);
    await new Promise<void>((resolve) => stream.onAbort(resolve));
    streams.delete(stream);
  }),
);

await follow((text) => {
  for (const stream of streams) stream.writeSSE({ data: text });
  for (const socket of sockets) socket.send(text);
});

const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }) as Server;
new WebSocketServer({ server, path: "/stream" }).on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
