import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { instancesTable, managedSubject, supervisorSubject } from "../../src/protocol/instance.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { parseTemplates } from "../../src/supervisor/template.ts";
import { jetstream } from "../bus/setup.ts";
import { isUp } from "../support/buses.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { node, org, Station, sleeper } from "./station.ts";

test("A node that is there before any gateway makes no stream, and takes a create once there is one", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  const folder = mkdtempSync(join(tmpdir(), "skein-first-"));
  const supervisor = new Supervisor({
    ...{ bus, org, node, clock: systemClock, directory: join(folder, "supervisor"), environment: {} },
    templates: parseTemplates({ sleeper }),
  });
  await supervisor.start();
  const create = () =>
    bus.request(
      supervisorSubject(org, node),
      new TextEncoder().encode('{"command":"create","name":"a","template":"sleeper"}'),
      5000,
    );
  await expect(create()).rejects.toMatchObject({
    code: "bus_away",
    message: expect.stringContaining("a gateway makes it"),
  });
  expect(await jetstream(server.url, "STREAM.NAMES")).toMatchObject({ total: 0 });
  const table = await bus.table(instancesTable);
  const { instance } = JSON.parse(new TextDecoder().decode(await create()));
  const stored = await table.get(managedSubject(org, "a"));
  expect(JSON.parse(new TextDecoder().decode(stored?.data))).toEqual(instance);
  await supervisor.close();
  await bus.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

test("What is said on rows while a node's connection is cut is set right when it is back", {
  timeout: 60_000,
}, async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  await using station = await Station.open(async () => ({ bus, [Symbol.asyncDispose]: async () => {} }));
  await station.supervise();
  await station.run("a", "sleeper");
  const running = await station.untilStatus("a", "running");
  await server.kill();
  await vi.waitFor(() => expect(bus.state).toBe("away"), 10_000);
  await server.restart();
  const other = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(other);
  const table = await other.table(instancesTable);
  await table.put(station.subject("a"), new Uint8Array(0));
  await vi.waitFor(async () => {
    const stored = await table.get(station.subject("a"));
    expect(stored && JSON.parse(new TextDecoder().decode(stored.data))).toEqual(running);
  }, 20_000);
  await station.command("stop", "a");
  await station.untilStatus("a", "stopped");
  for (const one of [other, bus]) await one.close();
  await server.stop();
});
