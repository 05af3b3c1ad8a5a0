import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBus } from "../../src/cli/bus.ts";
import { Explained } from "../../src/cli/explained.ts";
import { type Config, loadConfig } from "../../src/config.ts";
import { type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { makeFolder } from "../support/process.ts";
import { bytes } from "./recorder.ts";

type Flags = Partial<Record<keyof Config, string>>;

let locked: LockedNats;
const folder = makeFolder();
beforeAll(async () => {
  locked = await startLockedNats();
});
afterAll(async () => {
  await locked[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Settings as the command line gives them, all of them good but for `flags`. */
function settings(flags: Flags = {}): Config {
  const { secrets } = locked;
  const good = {
    nats: locked.urlOf("gateway"),
    natsCa: secrets.path("ca.pem"),
    natsCert: secrets.path("gateway.pem"),
    natsKey: secrets.path("gateway-key.pem"),
    natsInbox: "_INBOX.gateway",
  };
  return loadConfig({ env: {}, flags: { ...good, ...flags }, cwd: folder.path }).config;
}

function file(content: string): string {
  const path = join(folder.path, "file");
  writeFileSync(path, content);
  return path;
}

/** What a start says that cannot open the bus. */
async function fault(flags: Flags): Promise<string> {
  try {
    await (await openBus(settings(flags), console.error)).close();
    return "";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Explained);
    return thrown instanceof Error ? thrown.message : "";
  }
}

describe("The files that settings name for NATS", () => {
  test("open the bus when they are good", async () => {
    const { bus, close } = await openBus(settings(), console.error);
    const table = await bus.table({ name: "instances", subjects: ["skein.*.instances.*"] });
    await table.put("skein.acme.instances.a", bytes("{}"));
    await close();
  });

  test.each(["natsCreds", "natsCa", "natsCert", "natsKey"] as const)(
    "are each named with their setting when they cannot be read: %s",
    async (knob) => {
      const missing = join(folder.path, "missing");
      rmSync(missing, { force: true });
      expect(await fault({ [knob]: missing })).toBe(`The file ${missing} (${knob}) does not exist`);
      expect(await fault({ [knob]: folder.path })).toBe(`The file ${folder.path} (${knob}) is a directory`);
    },
  );

  test("are not passed over where no NATS server is named", async () => {
    const flags = { data: ":memory:", natsCa: locked.secrets.path("ca.pem") };
    const { config } = loadConfig({ env: {}, flags, cwd: folder.path });
    await expect(openBus(config, console.error)).rejects.toThrow(
      "natsCa is set, but no NATS server: name one with --nats or NATS_URL",
    );
  });

  test("are named by what is wrong with them, and never shown", async () => {
    const secret = "s3cret that was put into the wrong file";
    const forms: [Flags, string][] = [
      [{ natsCa: file(secret) }, "The authorities of NATS servers (natsCa) must be a PEM file"],
      [{ natsCert: file(secret) }, "The certificate for NATS (natsCert) must be a PEM file"],
      [{ natsKey: file(secret) }, "The key for NATS (natsKey) must be a PEM file"],
      [{ natsCreds: file(secret) }, "give one"],
      [{ natsCreds: file(secret), nats: locked.server.url }, "NATS credentials have a block NATS USER JWT"],
    ];
    for (const [flags, says] of forms) {
      const words = await fault(flags);
      expect(words).toContain(says);
      expect(words).not.toContain("s3cret");
    }
  });
});
