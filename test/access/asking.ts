import { type IncomingMessage, request } from "node:http";
import { WebSocket as Client } from "ws";

/** How an upgrade was answered: by a status, or by the first frame and the close code of a WebSocket. */
export interface Upgraded {
  readonly status: number;
  readonly frame: { readonly type: string; readonly code?: string };
  readonly close?: number;
  readonly protocol?: string;
}

/** Asks for a WebSocket. */
export function upgrade(address: string, { protocols = [], headers = {} }: Shown = {}): Promise<Upgraded> {
  const socket = new Client(address.replace("http", "ws"), [...protocols], { headers: { ...headers } });
  return new Promise((resolve, reject) => {
    socket.on("error", () => {});
    socket.on("unexpected-response", async (_sent, response: IncomingMessage) => {
      const body = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, frame: JSON.parse(body) });
    });
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      const { protocol } = socket;
      socket.on("close", (close) => resolve({ status: 101, frame, close, protocol }));
      if (frame.type !== "error") socket.close(1000);
    });
    setTimeout(() => reject(new Error(`No answer from ${address.split("?")[0]}`)), 5000).unref();
  });
}

export interface Shown {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A GET that may have any header; gives status, headers and text. */
export function get(address: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(address, { headers: { ...headers } });
    sent.on("response", async (response) => {
      const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true;
      const text = isStream ? await firstFrameOf(response) : await textOf(response);
      sent.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function firstFrameOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) {
    text += chunk;
    if (/^data: .*\n\n/m.test(text)) break;
  }
  return text;
}

async function textOf(response: IncomingMessage): Promise<string> {
  return Buffer.concat(await response.toArray()).toString();
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}
