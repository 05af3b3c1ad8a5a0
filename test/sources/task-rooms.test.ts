import { describe, expect, test } from "vitest";
import { buses, Scene, withoutCursors } from "../streams/scene.ts";
import type { Seen } from "../support/client.ts";
import { token } from "../support/tokens.ts";

/** The client of the document, with a WebSocket for its socket. */
class TaskWebSocketClient {
  readonly seen: Seen[] = [];
  readonly #url: string;
  readonly #subscriptions = new Set<string>();
  #socket: WebSocket | undefined;
  #wake = () => {};

  constructor(url: string) {
    this.#url = url;
  }

  async connect(jwt: string): Promise<void> {
    const socket = new WebSocket(this.#url, ["token", jwt]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.seen.push(JSON.parse(String(data)));
      this.#wake();
    };
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    // Resubscribe to all instances
    for (const instance of this.#subscriptions) this.subscribe(instance);
  }

  subscribe(instance_id: string): void {
    this.#socket?.send(JSON.stringify({ type: "subscribe_instance", instance_id }));
    this.#subscriptions.add(instance_id);
  }

  unsubscribe(instance_id: string): void {
    this.#socket?.send(JSON.stringify({ type: "unsubscribe_instance", instance_id }));
    this.#subscriptions.delete(instance_id);
  }

  disconnect(): void {
    this.#socket?.close();
  }

  async count(count: number): Promise<Seen[]> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.seen;
  }
}

const timestamp = "2024-01-01T12:00:00Z";
const update = {
  task_id: "t1",
  type: "task_update",
  data: { progress: 75, message: "Processing content...", timestamp },
};
const step = {
  task_id: "t1",
  type: "execution_step",
  data: {
    step_id: "generate_content",
    agent: "ContentCreator",
    action: "Generating social media content",
    status: "completed",
    output: { posts: 3 },
    started_at: timestamp,
    completed_at: "2024-01-01T12:01:00Z",
  },
};

describe.each(buses)("The rooms of tasks, over %s:", (_, open) => {
  const clientOf = ({ gateway }: Scene) => new TaskWebSocketClient(`${gateway.url.replace("http", "ws")}/ws/tasks`);

  test("a client connects, subscribes, is told of its instance alone, and unsubscribes", async () => {
    await using scene = await Scene.open(open);
    const client = clientOf(scene);
    await client.connect(scene.token);
    expect(withoutCursors(await client.count(1))).toEqual([{ type: "connected" }]);
    client.subscribe("instance-uuid-here");
    expect(withoutCursors(await client.count(2))[1]).toEqual({ type: "subscribed", instance_id: "instance-uuid-here" });
    await scene.publish("tasks/another", update);
    await scene.publish("tasks/instance-uuid-here", update);
    await scene.publish("tasks/instance-uuid-here", step);
    const of = (event: object) => ({ ...event, instance_id: "instance-uuid-here" });
    expect(withoutCursors(await client.count(4)).slice(2)).toEqual([of(update), of(step)]);
    client.unsubscribe("instance-uuid-here");
    expect((await client.count(5))[4]).toMatchObject({ type: "unsubscribed", instance_id: "instance-uuid-here" });
    client.disconnect();
  });

  test("every state and every progress of a task arrives, in order", async () => {
    await using scene = await Scene.open(open);
    const client = clientOf(scene);
    await client.connect(scene.token);
    client.subscribe("i1");
    await client.count(2);
    const story = [
      { status: "SUBMITTED" },
      { status: "QUEUED" },
      ...[0, 25, 50, 100].map((percent) => ({ status: "IN_PROGRESS", progress: percent })),
      { status: "COMPLETED" },
    ];
    for (const data of story) await scene.publish("tasks/i1", { type: "task_update", task_id: "t1", data });
    const told = (await client.count(2 + story.length)).slice(2);
    expect(told.map(({ data }) => data)).toMatchObject(story);
    client.disconnect();
  });

  test("a client that comes back subscribes again and knows where its tasks are", async () => {
    await using scene = await Scene.open(open);
    const client = clientOf(scene);
    await client.connect(scene.token);
    client.subscribe("i1");
    await client.count(2);
    client.disconnect();
    await scene.publish("tasks/i1", update);
    await client.connect(scene.token);
    const again = (await client.count(5)).slice(2);
    expect(withoutCursors(again)).toEqual([
      { type: "connected" },
      { type: "subscribed", instance_id: "i1" },
      { ...update, instance_id: "i1" },
    ]);
    client.disconnect();
  });

  test("an instance that the user has no access to is refused with a message, and the connection goes on", async () => {
    await using scene = await Scene.open(open);
    const client = clientOf(scene);
    await client.connect(await token({ instances: ["mine"] }));
    client.subscribe("theirs");
    const [, refusal] = await client.count(2);
    expect(refusal).toMatchObject({ type: "error", message: expect.any(String), instance_id: "theirs" });
    client.subscribe("mine");
    expect((await client.count(3))[2]).toMatchObject({ type: "subscribed", instance_id: "mine" });
    client.disconnect();
  });
});
