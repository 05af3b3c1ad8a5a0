import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction } from "../../src/logs/redact.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { LogDirectory } from "../support/logs.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { Household } from "./isolation-household.ts";
import { served } from "./isolation-streams.ts";
import { strict, tokenOf } from "./isolation-tokens.ts";

/** Everything that an org's own text says is marked with one of these. */
export const marks = { acme: "acme-mark-51c0", globex: "globex-mark-9e77", hidden: "hidden-mark-2b18" } as const;

/** What only `globex` has, and what nobody has. */
export const strangers = { foreign: "gx7only", nowhere: "gx7none" } as const;

export type Org = "acme" | "globex";

export const orgs: readonly Org[] = ["acme", "globex"];

/** The buses to try, each with as many gateways as it can have. */
export const buses: readonly (readonly [name: string, open: () => Promise<OpenBuses>])[] = [
  ["the embedded bus", openEmbedded],
  ["NATS, with two gateways", openNats],
];

interface OpenBuses {
  /** One for each gateway. */
  readonly buses: readonly Bus[];
  close(): Promise<void>;
}

async function openEmbedded(): Promise<OpenBuses> {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  return { buses: [bus], close: () => bus.close() };
}

async function openNats(): Promise<OpenBuses> {
  const server = await startNatsServer();
  const open = async () => {
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await isUp(bus);
    return bus;
  };
  const opened = [await open(), await open()];
  return {
    buses: opened,
    async close() {
      await Promise.all(opened.map((bus) => bus.close()));
      await server.stop();
    },
  };
}

/** Two orgs with things of the same names, and the gateways that both use. */
export class Scene implements AsyncDisposable {
  readonly gateways: readonly Gateway[];
  readonly bus: Bus;
  readonly households: Readonly<Record<Org, Household>>;
  /** Tokens that may do everything in their org. */
  readonly tokens: Readonly<Record<Org, string>>;
  /** The defects that gateways have reported: there must be none. */
  readonly reports: unknown[];
  readonly #close: () => Promise<void>;

  private constructor(parts: Omit<Scene, "fill" | typeof Symbol.asyncDispose> & { close: () => Promise<void> }) {
    this.gateways = parts.gateways;
    this.bus = parts.bus;
    this.households = parts.households;
    this.tokens = parts.tokens;
    this.reports = parts.reports;
    this.#close = parts.close;
  }

  /** An org says something of itself in every stream; gives the id of the message that it sends. */
  async fill(org: Org, word: string): Promise<string> {
    const outlet = { url: this.gateways[0]?.url ?? "", token: this.tokens[org] };
    const house = this.households[org];
    const { foreign } = strangers;
    const id = await house.fill(outlet, { name: "shared", crew: "c1", text: `${marks[org]}-${word}` });
    if (org === "acme") await house.fill(outlet, { name: "hidden", crew: "c2", text: `${marks.hidden}-${word}` });
    if (org === "acme") return id;
    return house.fill(outlet, { name: foreign, crew: foreign, text: `${marks.globex}-${word}` });
  }

  /** Opens one, and moves both orgs in. */
  static async open(open: () => Promise<OpenBuses>): Promise<Scene> {
    const { buses: opened, close: closeBuses } = await open();
    const [bus] = opened;
    if (!bus) throw new Error("There is no bus");
    const reports: unknown[] = [];
    const report = (fault: unknown) => void reports.push(fault);
    // A busy machine takes its time with the matrix.
    const limits = { pollWaitMaxMs: 120_000 };
    const settings = { auth: strict, streams: served, report, limits };
    const gateways = await Promise.all(opened.map((one) => startGateway({ ...settings, bus: one })));
    const tokens = { acme: await tokenOf({ org: "acme" }), globex: await tokenOf({ org: "globex", sub: "gus" }) };
    const households = { acme: await moveIn("acme", bus), globex: await moveIn("globex", bus) };
    for (const org of orgs) households[org].beat(`${marks[org]}-node`);
    const close = async () => {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      for (const org of orgs) await households[org].leave();
      await closeBuses();
    };
    return new Scene({ gateways, bus, households, tokens, reports, close });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

async function moveIn(org: Org, bus: Bus): Promise<Household> {
  const directory = new LogDirectory();
  const agent = new LogsAgent({
    bus,
    org,
    pattern: new LogPattern(directory.fileOf("{name}")),
    files: diskFiles,
    clock: systemClock,
    redaction: new Redaction([]),
    limits: {},
  });
  return new Household(org, { bus, directory, agent });
}
