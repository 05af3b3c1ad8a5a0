import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { Principal } from "../../src/auth/principal.ts";
import { Tickets } from "../../src/auth/tickets.ts";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { startNatsServer } from "../support/nats-server.ts";

const ada: Principal = { subject: "ada", org: "acme", roles: new Set(["viewer"]) };
const terms = { stream: "instances", lifeMs: 30_000 };
const invalid = { code: "ticket_invalid" };

function ticketsOn(bus: Bus): Tickets {
  return new Tickets({ bus, clock: systemClock, isRevoked: () => false });
}

async function openUp(url: string): Promise<Bus> {
  const bus = await openNatsBus({ url, clock: systemClock });
  await isUp(bus);
  return bus;
}

/** A wire to a nats-server that breaks once, after a text has gone out on it and before the answer has come. */
class BreakingWire {
  readonly #server: Server;
  readonly #text: string;
  readonly #sockets = new Set<Socket>();
  breaks = 0;

  constructor(port: number, text: string) {
    this.#text = text;
    this.#server = createServer((near) => this.#join(near, connect(port, "127.0.0.1")));
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
    let isBroken = false;
    // What the server answers from then on is lost; that it answers means that it has stored.
    far.on("data", (bytes) => (isBroken ? near.destroy() : near.write(bytes)));
    near.on("data", (bytes) => {
      far.write(bytes);
      if (this.breaks > 0 || !bytes.includes(this.#text)) return;
      this.breaks += 1;
      isBroken = true;
    });
  }
}

test("a ticket counts for whoever redeemed it although the first answer of the bus was lost", async () => {
  const server = await startNatsServer();
  const direct = await openUp(server.url);
  const wire = new BreakingWire(server.port, "used-skein.acme.tickets.");
  const bus = await openUp(await wire.open());
  const { ticket } = await ticketsOn(direct).issue(ada, terms);
  expect(await ticketsOn(bus).redeem(ticket, terms.stream)).toEqual(ada);
  expect(wire.breaks).toBe(1);
  for (const other of [direct, bus])
    await expect(ticketsOn(other).redeem(ticket, terms.stream)).rejects.toMatchObject(invalid);
  await Promise.all([direct.close(), bus.close()]);
  await wire.close();
  await server.stop();
});

test("of fifty who come with a ticket at once, on two connections, one is let in, and none after a restart of NATS", async () => {
  const server = await startNatsServer();
  const gateways = [await openUp(server.url), await openUp(server.url)];
  const tickets = gateways.map(ticketsOn);
  const [first] = tickets;
  const { ticket = "" } = (await first?.issue(ada, terms)) ?? {};
  const tries = Array.from({ length: 50 }, (_, at) => tickets[at % 2]?.redeem(ticket, terms.stream));
  const results = await Promise.allSettled(tries);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  await server.kill();
  await server.restart();
  for (const bus of gateways) {
    await isUp(bus);
    await expect(ticketsOn(bus).redeem(ticket, terms.stream)).rejects.toMatchObject(invalid);
  }
  await Promise.all(gateways.map((bus) => bus.close()));
  await server.stop();
});
