import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, expectTypeOf, test } from "vitest";
import { connect } from "../../src/publisher/index.ts";
import { type ChangePublisher, changesPublished, onChange, type Place } from "../../src/publisher/on-change.ts";
import { Scene, type Task } from "./scene.ts";

/** A service's own repository: no library, private fields, a method that calls another. */
class Tasks {
  readonly #database: DatabaseSync;

  constructor(url: string) {
    this.#database = new DatabaseSync(fileURLToPath(url.replace("file:", "file://")));
  }

  get count(): number {
    return Number(this.#database.prepare("SELECT count(*) AS count FROM Task").get()?.count);
  }

  async byId(id: string): Promise<Task | undefined> {
    const row = this.#database.prepare("SELECT * FROM Task WHERE id = ?").get(id);
    return row && { ...(row as unknown as Task) };
  }

  async add(status: string): Promise<Task> {
    const id = `t${this.count + 1}`;
    this.#database.prepare("INSERT INTO Task (id, instance, status) VALUES (?, 'a', ?)").run(id, status);
    return { id, instance: "a", status, progress: 0 };
  }

  async move(id: string, status: string): Promise<number> {
    const { changes } = this.#database.prepare("UPDATE Task SET status = ? WHERE id = ?").run(status, id);
    return Number(changes);
  }

  async remove(id: string): Promise<void> {
    await this.move(id, "removed");
    this.#database.prepare("DELETE FROM Task WHERE id = ?").run(id);
  }

  async within<T>(work: (tasks: Tasks) => Promise<T>): Promise<T> {
    this.#database.exec("BEGIN");
    try {
      const result = await work(this);
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

interface Terms {
  readonly publisher: ChangePublisher;
  readonly patienceMs: number;
}

/** A repository whose writes are published. */
function open(scene: Scene, { publisher = scene.publisher, patienceMs = 10_000 }: Partial<Terms> = {}) {
  return onChange(new Tasks(scene.url), {
    writes: ["add", "move", "remove"],
    transaction: "within",
    find: (tasks, call) => {
      if (call.method !== "add") return tasks.byId(call.args[0]);
      return call.result && tasks.byId(call.result.id);
    },
    publish: ({ row, after }) => [`instances.${row.id}`, after ? { status: after.status } : null],
    publisher,
    report: scene.report,
    patienceMs,
  });
}

describe("A repository that is watched", () => {
  test("publishes what its methods change, and they give what they gave", async () => {
    await using scene = await Scene.open();
    const tasks = open(scene);
    expect(await tasks.add("queued")).toMatchObject({ id: "t1" });
    expect(await tasks.move("t1", "busy")).toBe(1);
    expect(await tasks.move("t1", "busy")).toBe(1);
    expect(await tasks.move("t9", "busy")).toBe(0);
    expect(tasks.count).toBe(1);
    await tasks.remove("t1");
    expect(await scene.told("instance_deleted t1")).toEqual([
      "instance_created t1 queued",
      "status_changed t1 busy",
      "instance_deleted t1",
    ]);
    expect(scene.faults).toEqual([]);
  });

  test("publishes nothing of a transaction before it commits, and nothing at all when it does not", async () => {
    await using scene = await Scene.open();
    const tasks = open(scene);
    const rolledBack = tasks.within(async (inner) => {
      await inner.add("gone");
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    const id = await tasks.within(async (inner) => {
      const { id } = await inner.add("queued");
      await changesPublished(scene.publisher);
      expect(scene.client.raw).toHaveLength(1);
      return id;
    });
    expect(id).toBe("t1");
    expect(await scene.told("instance_created t1 queued")).toHaveLength(1);
  });

  test("has the types of the repository", () => {
    expectTypeOf(open).returns.toEqualTypeOf<Tasks>();
  });
});

describe("A write", () => {
  test("does not wait for a bus that does not answer, and what comes later is published in order", async () => {
    await using scene = await Scene.open();
    let asked = 0;
    const publish = (place: Place, body: object) =>
      ++asked === 1 ? new Promise(() => {}) : scene.publisher.publish(place, body);
    const tasks = open(scene, { publisher: { publish }, patienceMs: 2000 });
    await tasks.add("lost");
    await tasks.add("queued");
    await tasks.move("t2", "busy");
    expect(await scene.told("status_changed t2 busy")).toEqual([
      "instance_created t2 queued",
      "status_changed t2 busy",
    ]);
    expect(scene.faults).toEqual(["instances.t1 is not known to be published"]);
  });

  test("does not fail when publishing does, or what is to be published cannot be said", async () => {
    await using scene = await Scene.open();
    const tasks = onChange(new Tasks(scene.url), {
      writes: ["add"],
      find: (all, { result }) => result && all.byId(result.id),
      publish: ({ row }) => {
        if (row.status === "odd") throw new Error("Nobody knows what this means");
        return row.status === "quiet" ? undefined : ["nowhere.x", { status: row.status }];
      },
      publisher: scene.publisher,
      report: (fault) => {
        scene.report(fault);
        throw fault;
      },
    });
    for (const status of ["odd", "quiet", "refused"]) await tasks.add(status);
    await changesPublished(scene.publisher);
    expect(scene.faults).toEqual([
      "A change is not published: its rule threw",
      "nowhere.x is not known to be published",
    ]);
  });

  test("is published through the publisher of this package, deletions too", async () => {
    await using scene = await Scene.open();
    await using publisher = await connect({ http: scene.gateway.url });
    const tasks = open(scene, { publisher });
    await tasks.add("queued");
    await tasks.remove("t1");
    expect(await scene.told("instance_deleted t1")).toHaveLength(2);
    expect(scene.faults).toEqual([]);
  });

  test("that deletes is reported where the publisher cannot", async () => {
    await using scene = await Scene.open();
    const { publish } = scene.publisher;
    const tasks = open(scene, { publisher: { publish } });
    await tasks.add("queued");
    await tasks.remove("t1");
    await expect.poll(() => scene.faults).toEqual(["instances.t1 is not known to be published"]);
  });

  test("does not fail when its row cannot be read", async () => {
    await using scene = await Scene.open();
    const tasks = onChange(new Tasks(scene.url), {
      writes: ["add"],
      find: () => Promise.reject(new Error("no such table")),
      publish: () => ["instances.x", {}],
      publisher: scene.publisher,
      report: scene.report,
    });
    expect(await tasks.add("queued")).toMatchObject({ id: "t1" });
    expect(scene.faults).toEqual(["A change is not published: its row cannot be read"]);
  });

  test("never makes more than 10,000 changes wait: the oldest go, and that is reported", async () => {
    await using scene = await Scene.open();
    const published: string[] = [];
    const { promise: up, resolve: comeUp } = Promise.withResolvers<void>();
    const publish = async (place: Place) => {
      await up;
      published.push(String(place));
    };
    const memory = {
      status: 0,
      async set(status: number) {
        this.status = status;
      },
    };
    const watched = onChange(memory, {
      writes: ["set"],
      find: ({ status }) => ({ status }),
      publish: ({ row }) => [`instances.${row.status}`, row],
      publisher: { publish },
      report: scene.report,
    });
    for (let n = 1; n <= 10_011; n++) await watched.set(n);
    comeUp();
    await changesPublished(scene.publisher);
    await expect.poll(() => published.at(-1)).toBe("instances.10011");
    expect(published).toHaveLength(10_001);
    expect(published.slice(0, 2)).toEqual(["instances.1", "instances.12"]);
    expect(scene.faults).toEqual(["More than 10000 changes wait; the oldest are given up", "10 changes were given up"]);
  });
});
