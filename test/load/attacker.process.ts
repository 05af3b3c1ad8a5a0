// node attacker.process.ts URL ROLE TOKEN SECONDS: the worst that one of that role can do within its limits; then it says what was answered.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { opcodes, rawFrame } from "../support/raw-frame.ts";
import { bodyBytes, rows } from "./largest.ts";

const [url = "", role = "", token = "", seconds = "0"] = process.argv.slice(2);
const endMs = performance.now() + Number(seconds) * 1000;
const answers: Record<string, number> = {};

/** Every role comes from an address of its own. */
const addresses: Readonly<Record<string, string>> = { viewer: "10.0.1.1", publisher: "10.0.1.2", operator: "10.0.1.3" };
const headers = { authorization: `Bearer ${token}`, "x-forwarded-for": addresses[role] ?? "" };

function count(what: string | number): void {
  answers[what] = (answers[what] ?? 0) + 1;
}

async function ask(path: string, init: RequestInit = {}): Promise<void> {
  try {
    const response = await fetch(`${url}${path}`, { headers, ...init });
    for await (const _ of response.body ?? []);
    count(response.status);
  } catch {
    count("cut");
  }
}

/** Does something over and over, so many at once. */
async function storm(parallel: number, once: (n: number) => Promise<void>): Promise<void> {
  let n = 0;
  const one = async () => {
    while (performance.now() < endMs) await once(n++);
  };
  await Promise.all(Array.from({ length: parallel }, one));
}

/** Subscribes to what is not there, under names of 64,000 characters, and reads a little every few seconds. */
async function refuse(): Promise<void> {
  const { hostname, port } = new URL(url);
  while (performance.now() < endMs) {
    const socket = connect({ port: Number(port), host: hostname });
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const lines = ["GET /ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"];
    const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`;
    const rest = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.write(`${[...lines, key, "Sec-WebSocket-Version: 13", ...rest].join("\r\n")}\r\n\r\n`);
    socket.pause();
    for (let n = 0; performance.now() < endMs && !socket.destroyed; n++) {
      const name = n % 3 === 0 ? "x".repeat(64_000) + n : `none-${n}`;
      const payload = Buffer.from(JSON.stringify({ type: n % 3 === 2 ? "ping" : "subscribe", stream: name }));
      const isTaken = socket.write(rawFrame({ opcode: opcodes.text, payload }));
      if (n % 500 === 0) socket.read(4096);
      await wait(isTaken ? 11 : 100);
    }
    count("socket");
    socket.destroy();
    await closed;
  }
}

const views = ["swarm", "instances", "instances?include_archived=true", "messages?recent=500", "messages?recent=499"];

const roles: Readonly<Record<string, () => Promise<unknown>>> = {
  viewer: () => Promise.all([storm(30, (n) => ask(`/poll/${views[n % views.length]}`)), refuse(), refuse()]),
  publisher: () =>
    storm(8, (n) => {
      const body = JSON.stringify({ status: `s${n}`, filler: "x".repeat(bodyBytes) });
      return ask(`/api/publish/swarm/tasks/t${n % rows}`, { method: "POST", body });
    }),
  operator: () =>
    Promise.all([storm(10, () => ask("/api/instances")), storm(4, () => ask("/api/instances/big/logs/download"))]),
};

await roles[role]?.();
console.log(JSON.stringify(answers));
