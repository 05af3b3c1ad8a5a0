import { describe, expect, test } from "vitest";
import { buses, Scene } from "../streams/scene.ts";
import type { Seen } from "../support/client.ts";
import { bearer, token } from "../support/tokens.ts";

/** What the backend publishes when something changes, and where it is to arrive. */
const happenings = [
  ["campaigns", "attacks/1", { type: "attack.state_changed", campaign_id: 7, name: "Rockyou", state: "running" }],
  ["campaigns", "attacks/1", { type: "attack.progress", campaign_id: 7, name: "Rockyou", progress: 12.5 }],
  ["campaigns", "jobs/2", { type: "job.state_changed", attack_id: 1, name: "Part 1", state: "completed" }],
  ["campaigns", "jobs/2", { type: "job.progress", attack_id: 1, name: "Part 1", progress: 99 }],
  ["agents", "agents/3", { type: "agent.state_changed", name: "rig-1", state: "active" }],
  ["agents", "agents/3", { type: "agent.heartbeat", name: "rig-1" }],
  ["agents", "agents/3", { type: "agent.error", name: "rig-1", message: "No device" }],
  ["toasts", "cracks/4", { type: "crack.submitted", campaign_id: 7, hash_type: "NTLM", count: 2 }],
] as const;

const channels = ["campaigns", "agents", "toasts"] as const;

/** The messages of an address, by WebSocket. */
class Live {
  readonly messages: Seen[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #wake = () => {};

  constructor({ gateway }: Scene, channel: string, jwt: string) {
    const address = `${gateway.url.replace("http", "ws")}/api/v1/web/live/${channel}`;
    this.#socket = new WebSocket(address, ["token", jwt]);
    this.#socket.onmessage = ({ data }) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code }) => resolve(code);
    });
  }

  async count(count: number): Promise<Seen[]> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages;
  }

  close(): void {
    this.#socket.close();
  }
}

describe.each(buses)("The live updates of the web interface, over %s:", (_, open) => {
  test("all connected clients are told what changes, on whichever gateway, in the one format of messages", async () => {
    await using scene = await Scene.open(open);
    const clients = channels.flatMap((channel) =>
      [scene.gateway, scene.other].map((gateway) => ({
        channel,
        live: new Live(Object.assign(Object.create(scene), { gateway }), channel, scene.token),
      })),
    );
    await Promise.all(clients.map(({ live }) => live.count(1)));
    for (const [, tail, body] of happenings) await scene.publish(tail, body);
    for (const { channel, live } of clients) {
      const wanted = happenings.filter(([on]) => on === channel);
      const told = (await live.count(1 + wanted.length)).slice(1);
      expect(told.map(({ type, id }) => [type, id])).toEqual(
        wanted.map(([, tail, { type }]) => [type, tail.split("/")[1]]),
      );
      for (const { cursor: _cursor, refresh_target, ...message } of told) {
        expect(Object.keys(message).toSorted()).toEqual(["html", "id", "type"]);
        expect(message.html).toMatch(/^<.*>$/s);
        expect(refresh_target === undefined).toBe(channel === "toasts");
      }
      live.close();
    }
  });

  test("whoever asks in plain HTTP is answered with events, for pages without WebSocket", async () => {
    await using scene = await Scene.open(open);
    const { url } = scene.gateway;
    const answer = await fetch(`${url}/api/v1/web/live/toasts`, { headers: bearer(scene.token) });
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    await scene.publish("cracks/4", { type: "crack.submitted", count: 1 });
    while (!text.includes("crack.submitted")) text += (await reader?.read())?.value ?? "";
    expect(text).toContain('"id":"4"');
    await reader?.cancel();
  });

  test("whoever is nobody is turned away: 4401 on a WebSocket, 401 in plain HTTP", async () => {
    await using scene = await Scene.open(open);
    const expired = await token({ exp: Date.now() / 1000 - 60 });
    for (const channel of channels) {
      expect(await new Live(scene, channel, expired).closed).toBe(4401);
      expect((await fetch(`${scene.gateway.url}/api/v1/web/live/${channel}`)).status).toBe(401);
    }
  });

  test("a client that comes back goes on where it was", async () => {
    await using scene = await Scene.open(open);
    const first = new Live(scene, "campaigns", scene.token);
    const [snapshot] = await first.count(1);
    first.close();
    await scene.publish("attacks/1", happenings[0][2]);
    const again = new Live(scene, `campaigns?since=${snapshot?.cursor}`, scene.token);
    expect((await again.count(2)).map(({ type }) => type)).toEqual(["resumed", "attack.state_changed"]);
    again.close();
  });
});
