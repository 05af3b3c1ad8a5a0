import { createClient } from "@libsql/client";
import { and, eq, inArray, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Change, changesPublished, onChange } from "../../src/publisher/on-change-drizzle.ts";
import { Scene } from "./scene.ts";

const tasks = sqliteTable("Task", {
  id: text()
    .primaryKey()
    .$defaultFn(() => `made-${++made}`),
  instance: text().notNull(),
  status: text().notNull(),
  progress: integer().notNull().default(0),
});
const steps = sqliteTable("Step", {
  id: integer().primaryKey({ autoIncrement: true }),
  taskId: text().notNull(),
  action: text().notNull(),
});
let made = 0;

type Row = typeof tasks.$inferSelect;

/** What this service publishes: tasks as rows of a table of the bus. */
const asInstance = ({ row, after }: Change<Row>) =>
  [`instances.${row.id}`, after ? { status: after.status, progress: after.progress } : null] as const;

/** A database whose tasks are published. */
function open(scene: Scene, most = 1000) {
  const db = drizzle(createClient({ url: scene.url }));
  return onChange(db, { table: tasks, publish: asInstance, publisher: scene.publisher, report: scene.report, most });
}

const task = (id: string, status = "queued") => ({ id, instance: "a", status });

describe("A Drizzle database that is watched", () => {
  test("publishes rows that are inserted, updated and deleted, and gives what Drizzle gives", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    expect(await db.insert(tasks).values(task("t1"))).toMatchObject({ rowsAffected: 1 });
    expect(
      await db
        .insert(tasks)
        .values([task("t2"), task("t3")])
        .returning({ id: tasks.id }),
    ).toEqual([{ id: "t2" }, { id: "t3" }]);
    const busy = db
      .update(tasks)
      .set({ status: "busy" })
      .where(and(eq(tasks.status, "queued"), eq(tasks.instance, "a")));
    expect(await busy.run()).toMatchObject({ rowsAffected: 3 });
    expect(await db.update(tasks).set({ progress: 7 }).where(eq(tasks.id, "t2")).returning().get()).toMatchObject({
      progress: 7,
    });
    expect(await db.delete(tasks).where(eq(tasks.id, "t1")).returning().all()).toHaveLength(1);
    expect(await scene.told("instance_deleted t1")).toEqual([
      "instance_created t1 queued 0",
      "instance_created t2 queued 0",
      "instance_created t3 queued 0",
      "status_changed t1 busy",
      "status_changed t2 busy",
      "status_changed t3 busy",
      "instance_updated t2 7",
      "instance_deleted t1",
    ]);
    expect(scene.faults).toEqual([]);
  });

  test("publishes nothing of a transaction before it commits, and nothing at all when it does not", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    const rolledBack = db.transaction(async (tx) => {
      await tx.insert(tasks).values(task("gone"));
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    const answer = await db.transaction(async (tx) => {
      await tx.insert(tasks).values(task("t1"));
      await tx.update(tasks).set({ status: "busy" }).where(eq(tasks.id, "t1"));
      await tx
        .transaction(async (inner) => {
          await inner.insert(tasks).values(task("lost"));
          inner.rollback();
        })
        .catch(() => {});
      await tx.transaction((inner) => inner.insert(tasks).values(task("t2")));
      await changesPublished(scene.publisher);
      expect(scene.client.raw).toHaveLength(1);
      return "done";
    });
    expect(answer).toBe("done");
    expect(await scene.told("instance_created t2 queued 0")).toEqual([
      "instance_created t1 queued 0",
      "status_changed t1 busy",
      "instance_created t2 queued 0",
    ]);
  });

  test("publishes what a batch has changed", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    await db.insert(tasks).values(task("old"));
    const results = await db.batch([
      db.insert(tasks).values(task("new")),
      db.select().from(tasks),
      db.delete(tasks).where(eq(tasks.id, "old")),
    ]);
    expect(results[1]).toHaveLength(2);
    expect(await scene.told("instance_deleted old")).toHaveLength(3);
  });

  test("knows rows whose keys the table, the database or nobody but the result says", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    await db.insert(tasks).values({ instance: "a", status: "queued" });
    const asStep = ({ after }: Change<typeof steps.$inferSelect>) =>
      after && ([`instances.step-${after.id}`, { status: after.action }] as const);
    const stepped = onChange(db, { table: steps, publish: asStep, publisher: scene.publisher, report: scene.report });
    await stepped.insert(steps).values([
      { taskId: "t", action: "fetch" },
      { taskId: "t", action: "build" },
    ]);
    await stepped.insert(steps).values({ taskId: "t", action: "test" }).onConflictDoNothing().returning();
    await stepped.insert(tasks).values(task("both"));
    expect(await scene.told("instance_created both queued 0")).toEqual([
      expect.stringMatching(/^instance_created made-\d+ queued 0$/),
      "instance_created step-1 fetch",
      "instance_created step-2 build",
      "instance_created step-3 test",
      "instance_created both queued 0",
    ]);
    expect(scene.faults).toEqual([]);
  });

  test("tells an upsert as what it was", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    const put = (status: string) =>
      db.insert(tasks).values(task("t1", status)).onConflictDoUpdate({ target: tasks.id, set: { status } });
    for (const status of ["queued", "busy", "busy", "done"]) await put(status);
    await db.insert(tasks).values(task("t1", "never")).onConflictDoNothing();
    await db.insert(tasks).values(task("end"));
    expect(await scene.told("instance_created end queued 0")).toEqual([
      "instance_created t1 queued 0",
      "status_changed t1 busy",
      "status_changed t1 done",
      "instance_created end queued 0",
    ]);
  });

  test("reports what it cannot tell, and the write goes on", async () => {
    await using scene = await Scene.open();
    const db = open(scene, 2);
    await db.insert(tasks).values(["t1", "t2", "t3"].map((id) => task(id)));
    await db.update(tasks).set({ status: "busy" });
    await db
      .update(tasks)
      .set({ status: "done" })
      .where(inArray(tasks.id, ["t1", "t2"]));
    await db.insert(tasks).select(db.select(copied).from(tasks).limit(1));
    expect(await db.$count(tasks)).toBe(4);
    expect(await scene.told("instance_created t2 done 0")).toEqual([
      "instance_created t1 done 0",
      "instance_created t2 done 0",
    ]);
    expect(scene.faults).toEqual([
      "Changes of Task are not published: one write changes more than 2 rows (`most`)",
      "Changes of Task are not published: one write changes more than 2 rows (`most`)",
      "Changes of Task are not published: a write that selects from elsewhere does not say which rows it changes",
    ]);
  });

  test("passes on a write that fails, and publishes nothing of it", async () => {
    await using scene = await Scene.open();
    const db = open(scene);
    await db.insert(tasks).values(task("t1"));
    await expect(db.insert(tasks).values(task("t1"))).rejects.toThrow();
    await db
      .insert(tasks)
      .values(task("end"))
      .catch(() => {});
    expect(await scene.told("instance_created end queued 0")).toHaveLength(2);
  });

  test("has the types of the table", () => {
    const rule = { table: tasks, publisher: { publish: async () => {} } };
    const watch = (db: ReturnType<typeof drizzle>) => {
      const watched = onChange(db, {
        ...rule,
        publish: (change) => {
          expectTypeOf(change).toEqualTypeOf<Change<Row>>();
          return undefined;
        },
      });
      expectTypeOf(watched).toEqualTypeOf<ReturnType<typeof drizzle>>();
    };
    expect(watch).toBeTypeOf("function");
  });

  test("says at once that a table has no key, unless its rule names one", () => {
    const columns = { one: text().notNull(), other: text().notNull() };
    const table = sqliteTable("Pair", columns, (self) => [primaryKey({ columns: [self.one, self.other] })]);
    const db = drizzle(createClient({ url: ":memory:" }));
    const rule = { table, publish: () => undefined, publisher: { publish: async () => {} } };
    expect(() => onChange(db, rule)).toThrow(
      "The table Pair has no column that is its primary key: name its fields with `key`",
    );
    expect(() => onChange(db, { ...rule, key: ["one", "other"] })).not.toThrow();
  });
});

/** All columns of a task, with a key of its own. */
const copied = {
  id: sql<string>`'copy'`.as("id"),
  instance: tasks.instance,
  status: tasks.status,
  progress: tasks.progress,
};
