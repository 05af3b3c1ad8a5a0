import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import type { LogsAgent } from "../../src/logs/agent.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import type { Seen } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { installed } from "../support/installed.ts";
import { LogDirectory } from "../support/logs.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { type Folder, makeFolder, tie } from "../support/process.ts";
import { enforced, openWithKey, token } from "../support/tokens.ts";
import { root } from "./boxes.ts";

const tools = [
  { variable: "BASH_BIN", names: ["bash"], debian: "bash" },
  { variable: "CURL_BIN", names: ["curl"], debian: "curl" },
  { variable: "JQ_BIN", names: ["jq"], debian: "jq" },
  { variable: "PYTHON_BIN", names: ["python3"], debian: "python3-websockets python3-httpx" },
];

/** Where recipes are tried: NATS, a gateway that lets everybody in, one that does not, and a log. */
export class Kitchen implements AsyncDisposable {
  readonly open: Gateway;
  readonly closed: Gateway;
  readonly logs: LogDirectory;
  readonly token: string;
  /** Where boxes are run; the examples are there. */
  readonly folder: Folder;
  readonly #nats: NatsServer;
  readonly #bus: Bus;
  readonly #agent: LogsAgent;

  private constructor(parts: Parts) {
    this.open = parts.open;
    this.closed = parts.closed;
    this.logs = parts.logs;
    this.token = parts.token;
    this.folder = parts.folder;
    this.#nats = parts.nats;
    this.#bus = parts.bus;
    this.#agent = parts.agent;
  }

  static async enter(): Promise<Kitchen> {
    const nats = await startNatsServer();
    const bus = await openNatsBus({ url: nats.url, clock: systemClock });
    await isUp(bus);
    const logs = new LogDirectory();
    logs.append("agent-1", "one", "two");
    const agent = await logs.startAgent(bus);
    const open = await startGateway({ bus, auth: openWithKey });
    const closed = await startGateway({ bus, auth: enforced });
    const folder = makeFolder();
    symlinkSync(join(root, "examples"), join(folder.path, "examples"));
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"));
    mkdirSync(join(folder.path, "bin"));
    // The ones that the tests were given, under the names that people know.
    for (const tool of tools) symlinkSync(installed(tool), join(folder.path, "bin", tool.names[0] ?? ""));
    symlinkSync(process.execPath, join(folder.path, "bin/node"));
    return new Kitchen({ nats, bus, logs, agent, open, closed, folder, token: await token({ org: "default" }) });
  }

  /** Puts a file where boxes are run. */
  put(name: string, text: string): void {
    writeFileSync(join(this.folder.path, name), text);
  }

  /** Begins a box of shell. */
  cook(box: string, { url }: { readonly url: string } = this.open): Dish {
    const { folder } = this;
    const env = {
      PATH: `${folder.path}/bin:/usr/bin:/bin`,
      SKEIN: url,
      TOKEN: this.token,
      NATS_HOST: "127.0.0.1",
      NATS_PORT: String(this.#nats.port),
    };
    return new Dish(
      spawn("bash", ["--norc", "-c", `exec </dev/null\n${box}`], { cwd: folder.path, env, detached: true }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.open.close(), this.closed.close()]);
    this.#agent.close();
    await this.#bus.close();
    await this.#nats.stop();
    this.logs[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

interface Parts {
  readonly nats: NatsServer;
  readonly bus: Bus;
  readonly logs: LogDirectory;
  readonly agent: LogsAgent;
  readonly open: Gateway;
  readonly closed: Gateway;
  readonly folder: Folder;
  readonly token: string;
}

/** A box of shell that is being run, with all that it has started. */
export class Dish implements Disposable {
  text = "";
  faults = "";
  /** The exit code, once it has ended. */
  readonly done: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;
  #isDone = false;
  #wake: () => void = () => {};

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    tie(child);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.faults += text;
      this.#wake();
    });
    this.done = once(child, "close").then(([code]) => {
      this.#isDone = true;
      this.#wake();
      return code;
    });
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** The lines as frames. */
  get frames(): Seen[] {
    return this.lines.map((line) => JSON.parse(line) as Seen);
  }

  /** Settles when `isEnough` says so; rejects with what was said when it ends before. */
  async until(isEnough: (dish: this) => boolean): Promise<this> {
    while (!isEnough(this)) {
      if (this.#isDone) throw new Error(`It ended:\n${this.text}\n${this.faults}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this;
  }

  /** Settles when there are `count` lines, and gives them. */
  async count(count: number): Promise<string[]> {
    return (await this.until(({ lines }) => lines.length >= count)).lines;
  }

  [Symbol.dispose](): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
