import { afterEach, expect, test } from "vitest";
import { Connection } from "../../src/bus/connection.ts";
import { loginOf } from "../../src/bus/login.ts";
import { pull } from "../../src/bus/pull.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { Setup } from "./setup.ts";

const setup = new Setup();
afterEach(() => setup.end());

test("What is read while the connection closes fails with bus_away, and what is asked then is dropped", async () => {
  const { url } = await setup.serve();
  const reported: unknown[] = [];
  const report = (fault: unknown) => reported.push(fault);
  const login = await loginOf({ url, creds: undefined, certificates: {}, nowMs: systemClock.now() });
  const connection = new Connection({ login, clock: systemClock, inboxPrefix: "_INBOX", report, onException: report });
  const up = Promise.withResolvers<void>();
  connection.onState((state) => state === "up" && up.resolve());
  await up.promise;
  const closing = connection.close();
  const reading = pull(connection, { stream: "RUNS", consumer: "c", most: 1, hear: () => true });
  await expect(reading).rejects.toMatchObject({ name: "Failure", code: "bus_away" });
  await closing;
  connection.ask("runs.a", "_INBOX.a", new Uint8Array(0));
  expect(reported).toEqual([]);
});
