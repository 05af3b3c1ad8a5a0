import { connect } from "../../src/publisher/index.ts";
import { changesPublished, onChange } from "../../src/publisher/on-change.ts";

class Agents {
  readonly #rows = new Map<string, { id: string; status: string }>();
  byId(id: string) {
    return this.#rows.get(id);
  }
  async move(id: string, status: string) {
    this.#rows.set(id, { id, status });
  }
}

const publisher = await connect({ http: process.env.SKEIN ?? "http://127.0.0.1:8000" });
const agents = onChange(new Agents(), {
  writes: ["move"],
  find: (rows, { args: [id] }) => rows.byId(id),
  publish: ({ row }) => [["swarm", "agents", row.id], { status: row.status }],
  publisher,
});

await agents.move("bee-3", "busy");
await changesPublished(publisher);
await publisher.close();
