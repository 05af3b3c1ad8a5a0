import { copyFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NatsOptions, openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { ManualClock } from "../support/clock.ts";
import { type LockedNats, productionConf, Secrets, startLockedNats } from "../support/locked-nats.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { bytes, stateOf } from "./recorder.ts";

let locked: LockedNats;
let foreign: Secrets;
beforeAll(async () => {
  locked = await startLockedNats();
  foreign = new Secrets();
});
afterAll(async () => {
  await locked[Symbol.asyncDispose]();
  foreign.remove();
});

/** The first thing, of those that matter, that is said of a connection that cannot be made; never with a secret in it. */
async function trouble(options: Partial<NatsOptions>, matters = /./): Promise<string> {
  const said = Promise.withResolvers<string>();
  const report = (words: string) => matters.test(words) && said.resolve(words);
  const bus = await openNatsBus({ ...locked.optionsOf("gateway"), ...options, report });
  const words = await said.promise;
  expect(bus.state).toBe("away");
  await bus.close();
  for (const password of Object.values(locked.secrets.passwords)) expect(words).not.toContain(password);
  expect(words).not.toMatch(/BEGIN|wr0ng/);
  return words;
}

/** What opening a bus with these certificates throws. */
async function refusal(certificates: NatsOptions["certificates"]): Promise<string> {
  const opening = openNatsBus({ ...locked.optionsOf("gateway"), ...(certificates && { certificates }) });
  return opening.then(
    (bus) => bus.close().then(() => "open"),
    (thrown: Error) => thrown.message,
  );
}

describe("A NATS server", () => {
  test.each(["tls", "nats"])(
    "that wants TLS is spoken to with %s:// and the certificate of its authority",
    async (scheme) => {
      const options = locked.optionsOf("gateway");
      const bus = await openNatsBus({ ...options, url: options.url.replace("tls:", `${scheme}:`) });
      await stateOf(bus, "up");
      await (await bus.table({ name: "instances", subjects: ["skein.*.instances.*", "skein.*.managed.*"] })).put(
        "skein.a.instances.b",
        bytes("1"),
      );
      await bus.close();
    },
  );

  test("of an authority that is not the one named, or that nobody named, is not believed", async () => {
    const { cert, key } = locked.secrets.certificatesOf("gateway");
    const words = await trouble({ certificates: { ca: foreign.read("ca.pem"), cert, key } });
    expect(words).toContain("from no authority that is trusted here: name the file");
    expect(words).toContain("natsCa");
    expect(await trouble({ certificates: {} })).toBe(words);
  });

  test("that offers no TLS is left alone where TLS is wanted", async () => {
    const plain = await startNatsServer();
    const { ca } = locked.secrets.certificatesOf("gateway");
    const words = await trouble({ url: `nats://gateway:wr0ng@127.0.0.1:${plain.port}`, certificates: { ca } });
    expect(words).toContain("TLS is wanted (by tls://, natsCa or natsCert), and the NATS server does not offer it");
    expect(await trouble({ url: plain.url.replace("nats:", "tls:"), certificates: {} })).toBe(words);
    await plain.stop();
  });

  test("whose certificate has expired, or is for another name, is not believed", async () => {
    const conf = productionConf.replaceAll("./server", "./other");
    await using other = await startLockedNats(conf, (secrets) =>
      secrets.certify("other", { usage: "serverAuth", names: "DNS:elsewhere.example" }),
    );
    expect(await trouble(other.optionsOf("gateway"))).toContain("is for another name than 127.0.0.1:");
    await using old = await startLockedNats(conf, (secrets) =>
      secrets.certify("other", { usage: "serverAuth", names: "IP:127.0.0.1", days: -1 }),
    );
    expect(await trouble(old.optionsOf("gateway"))).toContain("The certificate of the NATS server has expired");
  });

  test("is believed by an address that its certificate names, and by that alone", async () => {
    const conf = productionConf.replaceAll("./server", "./other");
    await using only = await startLockedNats(conf, (secrets) =>
      secrets.certify("other", { usage: "serverAuth", names: "IP:127.0.0.1" }),
    );
    const options = only.optionsOf("gateway");
    const bus = await openNatsBus(options);
    await stateOf(bus, "up");
    await bus.close();
    // That name may stand for an address where nobody listens, too.
    const byName = { ...options, url: options.url.replace("127.0.0.1", "localhost") };
    const words = await trouble(byName, /certificate/);
    expect(words).toContain("is for another name than localhost:");
  });

  test("that comes back with a certificate that has expired is reported, although the bus was up before", async () => {
    await using nats = await startLockedNats();
    const said = Promise.withResolvers<string>();
    const clock = new ManualClock();
    const report = (words: string) => words.includes("certificate") && said.resolve(words);
    const bus = await openNatsBus({ ...nats.optionsOf("gateway"), clock, report });
    await stateOf(bus, "up");
    nats.secrets.certify("old", { usage: "serverAuth", names: "IP:127.0.0.1", days: -1 });
    for (const part of ["", "-key"])
      copyFileSync(nats.secrets.path(`old${part}.pem`), nats.secrets.path(`server${part}.pem`));
    await nats.server.restart();
    await stateOf(bus, "away");
    clock.pass(5_000);
    expect(await said.promise).toContain("The certificate of the NATS server has expired");
    await bus.close();
  });

  test("that is reloaded takes a new certificate, and lets go a user that was taken away", async () => {
    await using nats = await startLockedNats();
    const said = Promise.withResolvers<string>();
    const clock = new ManualClock();
    const gone = await openNatsBus({ ...nats.optionsOf("acme-publisher"), clock, report: said.resolve });
    const staying = await openNatsBus(nats.optionsOf("acme-logs"));
    await Promise.all([stateOf(gone, "up"), stateOf(staying, "up")]);
    const states: string[] = [];
    staying.onState((state) => states.push(state));
    writeFileSync(nats.secrets.path("nats.conf"), productionConf.replace('"acme-publisher"', '"acme-other"'));
    nats.secrets.certify("server", { usage: "serverAuth", names: "DNS:elsewhere.example" });
    nats.server.reload();
    await stateOf(gone, "away");
    clock.pass(5_000);
    expect(await said.promise).toMatch(/Authorization Violation|is for another name/);
    const newcomer = { ...nats.optionsOf("acme-node"), certificates: nats.secrets.certificatesOf("acme-node") };
    expect(await trouble(newcomer)).toContain("is for another name than 127.0.0.1:");
    await staying.flush();
    expect(states).toEqual([]);
    await Promise.all([gone.close(), staying.close()]);
  });

  test("that does not know the user or the password says so", async () => {
    const wrong = locked.urlOf("gateway").replace(/:[^:@]*@/, ":wr0ng@");
    const words = await trouble({ url: wrong });
    expect(words).toContain(
      "NATS does not let this user in (Authorization Violation): look at the user and the password",
    );
    expect(await trouble({ url: wrong.replace("gateway", "stranger") })).toBe(words);
  });

  test("that nobody has started is named by its address", async () => {
    const words = await trouble({ url: "tls://gateway:wr0ng@127.0.0.1:1" });
    expect(words).toBe("No NATS server listens at 127.0.0.1:1 (CONNECTION_REFUSED)");
  });

  test("on which the user has another inbox refuses its requests, and the inbox is named", async () => {
    const troubles: string[] = [];
    const options = { ...locked.optionsOf("gateway"), inboxPrefix: "_INBOX" };
    const bus = await openNatsBus({ ...options, report: (words) => troubles.push(words) });
    await stateOf(bus, "up");
    const runs = bus.journal({ name: "runs", subjects: ["skein.*.runs.*"], keepMs: 60_000 });
    const words = 'NATS does not let this user hear answers on "_INBOX.>": set natsInbox to the inbox that it may hear';
    await expect(runs).rejects.toThrow(words);
    expect(troubles).toContain(words);
    await bus.close();
  });
});

// Deno 2.9 may end the process when a server refuses its certificate, after it was told.
describe.skipIf("Deno" in globalThis).concurrent("A server that wants certificates", () => {
  test("and is shown none says that it wants one", async () => {
    const { ca } = locked.secrets.certificatesOf("gateway");
    expect(await trouble({ certificates: { ca } })).toContain("wants to see a certificate");
  });

  test("and is shown one of another authority says that it does not accept it", async () => {
    const { cert, key } = foreign.certificatesOf("gateway");
    const words = await trouble({ certificates: { ca: locked.secrets.read("ca.pem"), cert, key } });
    expect(words).toContain("does not accept the certificate (natsCert)");
  });

  test("and is shown one that is for servers says that it does not accept it", async () => {
    const words = await trouble({ certificates: locked.secrets.certificatesOf("server") });
    expect(words).toContain("be for clients");
  });
});

describe("A client certificate", () => {
  test("that has expired is refused at the start, with the time", async () => {
    locked.secrets.certify("expired", { days: -1 });
    const words = await refusal(locked.secrets.certificatesOf("expired"));
    expect(words).toMatch(/^The certificate for NATS \(natsCert\) expired at \d{4}-.*Z; get a new one$/);
  });

  test("needs a key, its own, that no passphrase protects; and everything is PEM", async () => {
    const { ca, cert, key } = locked.secrets.certificatesOf("gateway");
    const { key: otherKey } = locked.secrets.certificatesOf("admin");
    const pair =
      "A certificate for NATS needs its key, and a key its certificate: set natsCert and natsKey, or neither";
    const keyForm = "The key for NATS (natsKey) must be a PEM file with a private key that no passphrase protects";
    const certForm = "must be a PEM file that begins with -----BEGIN CERTIFICATE-----";
    expect(await refusal({ ca, cert })).toBe(pair);
    expect(await refusal({ ca, key })).toBe(pair);
    expect(await refusal({ ca, cert, key: otherKey })).toContain("(natsKey) is not that of the certificate (natsCert)");
    expect(await refusal({ ca, cert, key: "s3cret" })).toBe(keyForm);
    const locks = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "s3cret", "-----END ENCRYPTED PRIVATE KEY-----"];
    expect(await refusal({ ca, cert, key: locks.join("\n") })).toBe(keyForm);
    expect(await refusal({ ca, cert: key, key })).toBe(`The certificate for NATS (natsCert) ${certForm}`);
    expect(await refusal({ ca: "s3cret" })).toBe(`The authorities of NATS servers (natsCa) ${certForm}`);
    const broken = cert.replace(/\n.{20}/, "\n");
    expect(await refusal({ ca, cert: broken, key })).toBe(`The certificate for NATS (natsCert) ${certForm}`);
  });
});

test("A clock that is not that of the machine decides whether a certificate has expired", async () => {
  const late = { ...systemClock, now: () => systemClock.now() + 400 * 86_400_000 };
  const opening = openNatsBus({ ...locked.optionsOf("gateway"), clock: late });
  await expect(opening).rejects.toThrow("expired at");
});
