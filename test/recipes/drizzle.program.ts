import { createClient } from "@libsql/client";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import { connect } from "../../src/publisher/index.ts";
import { changesPublished, onChange } from "../../src/publisher/on-change-drizzle.ts";

const agents = sqliteTable("agents", { id: text().primaryKey(), status: text().notNull() });
const publisher = await connect({ http: process.env.SKEIN ?? "http://127.0.0.1:8000" });

const db = onChange(drizzle(createClient({ url: "file:agents.db" })), {
  table: agents,
  publish: ({ row, after }) => [["swarm", "agents", row.id], after ? { status: after.status } : null],
  publisher,
});

await db.insert(agents).values({ id: "bee-2", status: "idle" });
await db.transaction((tx) => tx.update(agents).set({ status: "busy" }).where(eq(agents.id, "bee-2")));
await changesPublished(publisher);
await publisher.close();
