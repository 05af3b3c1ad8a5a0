import { PrismaLibSql } from "@prisma/adapter-libsql";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Change, changesPublished, onChange } from "../../src/publisher/on-change-prisma.ts";
import { PrismaClient } from "./prisma/client.mts";
import type { TaskModel as Task } from "./prisma/models.mts";
import { Scene } from "./scene.ts";

/** What this service publishes: tasks as rows of a table of the bus. */
const asInstance = ({ row, after }: Change<Task>) =>
  [`instances.${row.id}`, after ? { status: after.status, progress: after.progress } : null] as const;

/** A client whose tasks are published. */
function open({ url, publisher, report }: Scene, most = 1000) {
  const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });
  return onChange(prisma, { model: "task", publish: asInstance, publisher, report, most });
}

const task = (id: string, status = "queued") => ({ id, instance: "a", status });

describe("A Prisma client that is watched", () => {
  test("publishes rows that are created, updated and deleted, and gives what Prisma gives", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene);
    expect(await prisma.task.create({ data: task("t1") })).toEqual({ ...task("t1"), progress: 0 });
    expect(await prisma.task.createMany({ data: [task("t2"), task("t3")] })).toEqual({ count: 2 });
    const busy = { where: { status: "queued", instance: "a" }, data: { status: "busy" } };
    expect(await prisma.task.updateMany(busy)).toEqual({ count: 3 });
    const select = { progress: true };
    const seven = { where: { id: "t2" }, data: { progress: 7 }, select };
    expect(await prisma.task.update(seven)).toEqual({ progress: 7 });
    expect(await prisma.task.delete({ where: { id: "t1" }, omit: { id: true } })).not.toHaveProperty("id");
    expect(await prisma.task.deleteMany({ where: { id: { in: ["t3", "t4"] } } })).toEqual({ count: 1 });
    expect(await scene.told("instance_deleted t3")).toEqual([
      "instance_created t1 queued 0",
      "instance_created t2 queued 0",
      "instance_created t3 queued 0",
      "status_changed t1 busy",
      "status_changed t2 busy",
      "status_changed t3 busy",
      "instance_updated t2 7",
      "instance_deleted t1",
      "instance_deleted t3",
    ]);
    expect(scene.faults).toEqual([]);
    await prisma.$disconnect();
  });

  test("publishes nothing of a transaction before it commits, and nothing at all when it does not", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene);
    const rolledBack = prisma.$transaction(async (tx) => {
      await tx.task.create({ data: task("gone") });
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    const answer = await prisma.$transaction(async (tx) => {
      await tx.task.create({ data: task("t1") });
      await tx.task.update({ where: { id: "t1" }, data: { status: "busy" } });
      await changesPublished(scene.publisher);
      expect(scene.client.raw).toHaveLength(1);
      return "done";
    });
    expect(answer).toBe("done");
    expect(await scene.told("status_changed t1 busy")).toHaveLength(2);
    await prisma.$disconnect();
  });

  test("publishes what a list of queries has changed, and nothing when one of them fails", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene);
    await prisma.task.create({ data: task("old") });
    const failing = prisma.$transaction([
      prisma.task.create({ data: task("gone") }),
      prisma.task.create({ data: task("old") }),
    ]);
    await expect(failing).rejects.toThrow();
    const [created, count, deleted] = await prisma.$transaction([
      prisma.task.create({ data: task("new"), select: { status: true } }),
      prisma.task.count(),
      prisma.task.delete({ where: { id: "old" } }),
    ]);
    expect([created, count, deleted.id]).toEqual([{ status: "queued" }, 2, "old"]);
    expect(await scene.told("instance_deleted old")).toEqual([
      "instance_created old queued 0",
      "instance_created new queued 0",
      "instance_deleted old",
    ]);
    await prisma.$disconnect();
  });

  test("knows rows whose keys the database makes, and watches several models", async () => {
    await using scene = await Scene.open();
    const { publisher, report } = scene;
    const prisma = onChange(open(scene), {
      model: "step",
      publish: ({ row }) => [`instances.step-${row.id}`, { status: row.action }],
      publisher,
      report,
    });
    await prisma.step.create({ data: { taskId: "t", action: "fetch" }, select: { action: true } });
    await prisma.step.createMany({ data: [{ taskId: "t", action: "build" }] });
    await prisma.task.create({ data: task("both") });
    expect(await scene.told("instance_created both queued 0")).toEqual([
      "instance_created step-1 fetch",
      "instance_created step-2 build",
      "instance_created both queued 0",
    ]);
    expect(scene.faults).toEqual([]);
    await prisma.$disconnect();
  });

  test("tells an upsert as what it was, and nothing of a write that changes nothing", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene);
    for (const status of ["queued", "busy", "busy"]) {
      await prisma.task.upsert({ where: { id: "t1" }, create: task("t1", status), update: { status } });
    }
    await prisma.task.create({ data: task("end") });
    expect(await scene.told("instance_created end queued 0")).toEqual([
      "instance_created t1 queued 0",
      "status_changed t1 busy",
      "instance_created end queued 0",
    ]);
    await prisma.$disconnect();
  });

  test("reports what it cannot tell, and the write goes on", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene, 2);
    expect(await prisma.task.createMany({ data: ["t1", "t2", "t3"].map((id) => task(id)) })).toEqual({ count: 3 });
    expect(await prisma.task.updateMany({ data: { status: "busy" } })).toEqual({ count: 3 });
    await prisma.task.create({ data: task("end") });
    expect(await scene.told("instance_created end queued 0")).toHaveLength(1);
    const fault = "Changes of task are not published: one write changes more than 2 rows (`most`)";
    expect(scene.faults).toEqual([fault, fault]);
    await prisma.$disconnect();
  });

  test("passes on a write that fails, and does nothing for a query that nobody awaits", async () => {
    await using scene = await Scene.open();
    const prisma = open(scene);
    prisma.task.create({ data: task("never") });
    await expect(prisma.task.update({ where: { id: "t9" }, data: { progress: 1 } })).rejects.toThrow();
    const seen: string[] = [];
    await prisma.task
      .create({ data: task("end") })
      .finally(() => seen.push("finally"))
      .then(({ id }) => seen.push(id));
    expect(seen).toEqual(["finally", "end"]);
    expect(await scene.told("instance_created end queued 0")).toHaveLength(1);
    await prisma.$disconnect();
  });

  test("has the types of the model", () => {
    const publisher = { publish: async () => {} };
    const watch = (prisma: PrismaClient) => {
      const watched = onChange(prisma, {
        model: "task",
        publish: (change) => {
          expectTypeOf(change.row.progress).toEqualTypeOf<number>();
          expectTypeOf(change.before).toExtend<Task | undefined>();
          // @ts-expect-error A task has no such field.
          change.after?.nothing;
          return undefined;
        },
        publisher,
      });
      expectTypeOf(watched).toEqualTypeOf<PrismaClient>();
      // @ts-expect-error No model is called that.
      onChange(prisma, { model: "$connect", publish: () => undefined, publisher });
    };
    expect(watch).toBeTypeOf("function");
  });
});
