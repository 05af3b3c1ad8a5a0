// node bench/versions-crowd.ts URL CLIENTS: follows one run, half over WebSocket and half over SSE; says when all do.
import { get } from "node:http";
import WebSocket from "ws";

const [url = "", clients = "0"] = process.argv.slice(2);
const began = Array.from({ length: Number(clients) }, (_, i) => (i % 2 ? followSocket() : followEvents()));
await Promise.all(began);
process.send?.("following");

function followSocket(): Promise<unknown> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/runs/busy`);
  return new Promise((resolve) => socket.once("message", resolve));
}

function followEvents(): Promise<unknown> {
  return new Promise((resolve) => {
    get(`${url}/sse/runs/busy`, { agent: false }, (response) => response.once("data", resolve).resume());
  });
}
