import { join } from "node:path";
import { createClient, type Client as Database } from "@libsql/client";
import type { ChangePublisher, Place } from "../../src/publisher/on-change.ts";
import { type Client, follow, type Seen } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { makeFolder } from "../support/process.ts";

/** The tables of the tests, as a service would have them. */
const tables = `
  CREATE TABLE Task (id TEXT PRIMARY KEY NOT NULL, instance TEXT NOT NULL, status TEXT NOT NULL, progress INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE Step (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, taskId TEXT NOT NULL, action TEXT NOT NULL);
`;

/** A service's place: a SQLite database in a file, and a gateway that takes what is published. */
export class Scene implements AsyncDisposable {
  readonly url: string;
  readonly gateway: Gateway;
  /** What was reported as not published. */
  readonly faults: string[] = [];
  readonly publisher: ChangePublisher;
  /** A client of the stream `instances`. */
  readonly client: Client;
  readonly #end: () => Promise<void>;

  private constructor(url: string, gateway: Gateway, end: () => Promise<void>) {
    this.url = url;
    this.gateway = gateway;
    this.client = follow("ws", gateway.url, "instances");
    const publish = (place: Place, body: object | null) =>
      gateway.publish((typeof place === "string" ? place.split(".") : place).map(encodeURIComponent).join("/"), body);
    this.publisher = { publish, remove: (place) => publish(place, null) };
    this.#end = end;
  }

  static async open(): Promise<Scene> {
    const folder = makeFolder();
    const url = `file:${join(folder.path, "service.db")}`;
    const database: Database = createClient({ url });
    await database.executeMultiple(tables);
    database.close();
    const gateway = await startGateway();
    const scene = new Scene(url, gateway, async () => {
      await gateway.close();
      folder[Symbol.dispose]();
    });
    await scene.client.count(1);
    return scene;
  }

  readonly report = ({ message }: Error): void => {
    this.faults.push(message);
  };

  /** What the client has been told: type, name and status of each change, once `last` is among it. */
  async told(last: string): Promise<string[]> {
    const words = ({ type, name, status, progress }: Seen) => {
      const said = [type, name, status, progress].filter((word) => word !== undefined);
      return said.join(" ");
    };
    const frames = await this.client.until((seen) => seen.slice(1).map(words).includes(last));
    return frames.slice(1).map(words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.#end();
  }
}

/** A task as every table of the tests has it. */
export interface Task {
  readonly id: string;
  readonly instance: string;
  readonly status: string;
  readonly progress: number;
}
