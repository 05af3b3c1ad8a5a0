import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { credsText, type OperatorNats, startOperatorNats } from "../support/operator-nats.ts";
import { bytes, Recorder, stateOf } from "./recorder.ts";

const runs = { name: "runs", subjects: ["skein.*.runs.*"], keepMs: 60_000 };
const clock = systemClock;
const seconds = () => Math.floor(Date.now() / 1000);

let nats: OperatorNats;
beforeAll(async () => {
  nats = await startOperatorNats();
});
afterAll(async () => nats[Symbol.asyncDispose]());

/** What becomes of opening a bus with the text of a file. */
function opening(creds: string, url = nats.server.url): Promise<string> {
  return openNatsBus({ url, clock, creds }).then(
    (bus) => bus.close().then(() => "open"),
    (thrown: Error) => thrown.message,
  );
}

describe("A credentials file", () => {
  test("lets its user in, through a restart of the server too", async () => {
    const bus = await openNatsBus({ url: nats.server.url, clock, creds: nats.credsOf("gateway") });
    await stateOf(bus, "up");
    const journal = await bus.journal(runs);
    const recorder = new Recorder();
    const stop = journal.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    await journal.append("skein.acme.runs.a", bytes("one"));
    await nats.server.restart();
    await stateOf(bus, "up");
    await journal.append("skein.acme.runs.a", bytes("two"));
    await recorder.until(({ bodies }) => bodies.join(" ") === "one two");
    stop();
    await bus.close();
  });

  test("gives no more than its JWT allows, and what is missing is said", async () => {
    const troubles: string[] = [];
    const creds = nats.credsOf("narrow", { publish: ["skein.acme.runs.*"], subscribe: ["_INBOX.narrow.>"] });
    const report = (trouble: string) => troubles.push(trouble);
    const bus = await openNatsBus({ url: nats.server.url, clock, creds, inboxPrefix: "_INBOX.narrow", report });
    await stateOf(bus, "up");
    const sentence =
      'NATS refused to let this user publish "$JS.API.STREAM.INFO.SKEIN_RUNS"; docs/operating.md lists the permissions of each role';
    await expect(bus.journal(runs)).rejects.toThrow(sentence);
    await bus.flush();
    expect(troubles).toEqual([sentence]);
    await bus.close();
  });

  test("that has expired is refused at the start, with the time", async () => {
    const exp = seconds() - 60;
    expect(await opening(nats.credsOf("late", { exp }))).toBe(
      `These NATS credentials expired at ${new Date(exp * 1000).toISOString()}; get new ones`,
    );
  });

  test("that expires later cuts the connection, and that is said", async () => {
    const said = Promise.withResolvers<string>();
    const creds = nats.credsOf("brief", { exp: seconds() + 2 });
    const bus = await openNatsBus({ url: nats.server.url, clock, creds, report: said.resolve });
    await stateOf(bus, "up");
    await stateOf(bus, "away");
    expect(await said.promise).toMatch(/have expired: get new ones \(natsCreds\)|does not let this user in/);
    await bus.close();
  });

  test("of another operator is not let in, and that is said", async () => {
    await using other = await startOperatorNats();
    const said = Promise.withResolvers<string>();
    const bus = await openNatsBus({ url: nats.server.url, clock, creds: other.credsOf("x"), report: said.resolve });
    expect(await said.promise).toContain("NATS does not let this user in (Authorization Violation)");
    await bus.close();
  });

  test("must be of its form, and no error shows what is in it", async () => {
    const good = nats.credsOf("x");
    const jwt = /JWT-----\n(.+)\n/.exec(good)?.[1] ?? "";
    const seed = /SEED-----\n(.+)\n/.exec(good)?.[1] ?? "";
    const otherSeed = /SEED-----\n(.+)\n/.exec(nats.credsOf("y"))?.[1] ?? "";
    const form =
      "NATS credentials have a block NATS USER JWT and a block USER NKEY SEED, as nsc writes them; these have not both";
    const faults: [text: string, says: string][] = [
      ["", form],
      [jwt, form],
      [`${jwt}\n${seed}`, form],
      [good.slice(0, good.indexOf("IMPORTANT")), form],
      [credsText("not-a-jwt", seed), "The JWT of these NATS credentials is none"],
      [credsText("a.bm90IGpzb24.c", seed), "The JWT of these NATS credentials is none"],
      [credsText(jwt, seed.slice(0, -2)), "The seed of these NATS credentials is none"],
      [credsText(jwt, `${seed.slice(0, -1)}!`), "The seed of these NATS credentials is none"],
      [credsText(jwt, otherSeed), "The JWT and the seed of these NATS credentials belong to different users"],
    ];
    for (const [text, says] of faults) expect(await opening(text)).toBe(says);
    for (const text of [good.replaceAll("\n", "\r\n"), `\n\n${good}`]) expect(await opening(text)).toBe("open");
  });

  test("and a user or a token in the address are one too many", async () => {
    const creds = nats.credsOf("x");
    for (const login of ["ann:s3cret", "t0ken"]) {
      const said = await opening(creds, `nats://${login}@127.0.0.1:${nats.server.port}`);
      expect(said).toContain("give one");
      expect(said).not.toMatch(/s3cret|t0ken/);
    }
  });
});
