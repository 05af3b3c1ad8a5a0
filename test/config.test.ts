import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { displayValue, knobs, loadConfig, maskSecrets } from "../src/config.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "skein-config-"));
});

afterEach(() => {
  rmSync(cwd, { recursive: true });
});

function write(name: string, content: unknown): void {
  writeFileSync(join(cwd, name), typeof content === "string" ? content : JSON.stringify(content));
}

describe("settings", () => {
  test("are the documented defaults when nobody says anything", () => {
    const { config, origin } = loadConfig({ env: {}, cwd });
    expect(config).toEqual({
      port: 8000,
      host: "127.0.0.1",
      openToNetwork: false,
      data: ".skein",
      org: "default",
      redact: [],
      natsInbox: "_INBOX",
      auth: "open",
      jwtOrgClaim: "org",
      jwtRolesClaim: "roles",
      jwtInstancesClaim: "instances",
      jwtCrewsClaim: "crews",
      allowOrigin: [],
      allowHost: [],
      trustProxy: [],
      limitConnections: { principal: 1000, address: 1000, org: 20_000 },
      limitConnects: { principal: 100, address: 100, org: 1000 },
      limitSubscriptions: { principal: 2000, address: 2000, org: 50_000 },
      limitSubscribes: { principal: 200, address: 200, org: 2000 },
      limitMessages: { principal: 100, address: 200, org: 5000 },
      limitReads: { principal: 200, address: 200, org: 2000 },
      limitReadBytes: { principal: 4_194_304, address: 8_388_608, org: 67_108_864 },
      limitPublishes: { principal: 2000, address: 2000, org: 10_000 },
      limitPublishBytes: { principal: 16_777_216, address: 16_777_216, org: 67_108_864 },
      handshakeMs: 10_000,
      maxHeaderBytes: 16_384,
      drainMs: 5000,
      pingEveryMs: 20_000,
      idleAfterMs: 90_000,
      stuckAfterMs: 30_000,
      queueFrames: 256,
      queueBytes: 1_048_576,
      lingerMs: 30_000,
      ringFrames: 1024,
      ringBytes: 4_194_304,
      replayFrames: 10_000,
      maxMessageBytes: 65_536,
      maxBodyBytes: 262_144,
      logBatchMs: 100,
      logBatchBytes: 65_536,
      logLineBytes: 65_536,
      logFlushMs: 500,
      logMaxFiles: 10_000,
      letterKeepMs: 604_800_000,
      letterRetryMs: 30_000,
      letterAttempts: 5,
      lettersMax: 100_000,
      lettersMaxBytes: 2_147_483_648,
      maxPayloadBytes: 1_032_192,
      pollWaitMaxMs: 25_000,
      retryMs: 1000,
    });
    expect(new Set(Object.values(origin))).toEqual(new Set(["default"]));
  });

  test("come from the file, over it the environment, over that the command line, and each says where it came from", () => {
    write("skein.config.json", { port: 1, host: "file", data: "file", retryMs: 5 });
    const env = { SKEIN_PORT: "2", SKEIN_HOST: "environment", NATS_URL: "nats://n:4222", SKEIN_IDLE_AFTER_MS: "7" };
    const { config, origin } = loadConfig({ env, flags: { port: "3", host: undefined }, cwd });
    expect(config).toMatchObject({ port: 3, host: "environment", data: "file", retryMs: 5, idleAfterMs: 7 });
    expect(config.nats).toBe("nats://n:4222");
    expect(origin).toMatchObject({
      port: "flag --port",
      host: "environment SKEIN_HOST",
      nats: "environment NATS_URL",
      idleAfterMs: "environment SKEIN_IDLE_AFTER_MS",
      data: "file skein.config.json",
      lingerMs: "default",
    });
  });

  test("can come from a file of another name, and the command line's name for it wins", () => {
    write("a.json", { port: 1 });
    write("b.json", { port: 2 });
    expect(loadConfig({ env: { SKEIN_CONFIG: "a.json" }, cwd }).config.port).toBe(1);
    const { config, origin } = loadConfig({ env: { SKEIN_CONFIG: "a.json" }, flags: { config: "b.json" }, cwd });
    expect([config.port, origin.port]).toEqual([2, "file b.json"]);
  });

  test("ignore an environment variable that is set to nothing", () => {
    expect(loadConfig({ env: { NATS_URL: "", SKEIN_PORT: "" }, cwd }).config).toMatchObject({ port: 8000 });
  });

  test("are each reachable by their own variable and flag, and described in a sentence", () => {
    for (const { knob, variable, flag, description } of knobs) {
      expect(description).toMatch(/^[A-Z].*\.$/);
      const special: Record<string, string> = {
        letterAttempts: "3",
        nats: "nats://n",
        openToNetwork: "true",
        logs: "/var/log/{name}.log",
        templates: "{}",
        auth: "enforced",
        jwksUrl: "https://keys.example.com/jwks.json",
        allowOrigin: "https://app.example.com",
      };
      const value = special[knob] ?? (knob.startsWith("limit") ? "principal=5" : "1024");
      expect(loadConfig({ env: { [variable]: value }, cwd }).origin[knob]).toBe(`environment ${variable}`);
      expect(loadConfig({ env: {}, flags: { [knob]: value }, cwd }).origin[knob]).toBe(`flag ${flag}`);
    }
  });
});

describe("templates", () => {
  const templates = (value: string) => loadConfig({ env: { SKEIN_TEMPLATES: value }, cwd }).config.templates;

  test("are an object, or the JSON of one", () => {
    expect(templates('{"echo": {"command": "echo"}}')).toEqual({ echo: { command: "echo" } });
    write("skein.config.json", { templates: { echo: { command: "echo" } } });
    expect(loadConfig({ env: {}, cwd }).config.templates).toEqual({ echo: { command: "echo" } });
    expect(() => templates("echo")).toThrow("templates is");
    expect(() => templates("[]")).toThrow("which is not a JSON object with a template under each name");
  });
});

describe("a quota", () => {
  const connections = (value: string) => loadConfig({ env: { SKEIN_LIMIT_CONNECTIONS: value }, cwd }).config;

  test("is said for principal, address and org, and keeps its default where nothing is said", () => {
    const { limitConnections } = connections("org=5, principal=0");
    expect(limitConnections).toEqual({ principal: 0, address: 1000, org: 5 });
    write("skein.config.json", { limitConnections: { address: 7 } });
    expect(loadConfig({ env: {}, cwd }).config.limitConnections.address).toBe(7);
  });

  test.each(["5", "user=5", "org=-1", "org=1,org=2", "org"])("cannot be %s", (value) => {
    expect(() => connections(value)).toThrow(
      `limitConnections is "${value}" (environment SKEIN_LIMIT_CONNECTIONS), which is not connections open at once`,
    );
  });
});

describe("several words", () => {
  test("have commas between, or are a list in a file", () => {
    const env = { SKEIN_TRUST_PROXY: "10.0.0.0/8, ::1" };
    expect(loadConfig({ env, cwd }).config.trustProxy).toEqual(["10.0.0.0/8", "::1"]);
    write("skein.config.json", { allowHost: ["skein.example.com"] });
    expect(loadConfig({ env: {}, cwd }).config.allowHost).toEqual(["skein.example.com"]);
    expect(() => loadConfig({ env: { SKEIN_ALLOW_ORIGIN: "app.example.com" }, cwd })).toThrow(
      'allowOrigin is "app.example.com" (environment SKEIN_ALLOW_ORIGIN), which is not an origin like',
    );
  });
});

describe("redaction rules", () => {
  const redact = (value: string) => loadConfig({ env: { SKEIN_REDACT: value }, cwd }).config.redact;

  test("are one regular expression, or a JSON array of expressions and of objects", () => {
    expect(redact("secret=.*")).toEqual([{ pattern: "secret=.*" }]);
    expect(redact('["a", {"pattern": "b", "replace": "c"}]')).toEqual([
      { pattern: "a" },
      { pattern: "b", replace: "c" },
    ]);
    expect(() => redact('[{"patern": "b"}]')).toThrow("redact is");
  });
});

describe("a setting that cannot be used", () => {
  const load = (env: Record<string, string>, flags = {}) => {
    return () => loadConfig({ env, flags, cwd });
  };

  test("is named with its value, its origin and what is allowed", () => {
    expect(load({ SKEIN_PORT: "http" })).toThrow(
      'port is "http" (environment SKEIN_PORT), which is not a whole number from 0 to 65535 (TCP port)',
    );
    expect(load({}, { port: 65_536 })).toThrow("port is 65536 (flag --port), which is not");
    write("skein.config.json", { drainMs: 1.5 });
    expect(load({})).toThrow("drainMs is 1.5 (file skein.config.json), which is not a duration from 0ms to 1d");
    const kept = loadConfig({ env: { SKEIN_LETTER_KEEP_MS: "30d" }, flags: { drainMs: 1 }, cwd }).config.letterKeepMs;
    expect(kept).toBe(30 * 86_400_000);
    expect(load({ SKEIN_LETTER_KEEP_MS: "31d" }, { drainMs: 1 })).toThrow("which is not a duration from 1ms to 30d");
  });

  test.each(["", " ", "-1", "1e3", "0x10", "8000 ", "٣"])("is a port written as %j", (port) => {
    expect(load({}, { port })).toThrow("port is");
  });

  test.each(["localhost:4222", "http://h", "nats://", "nats://a b"])("is a NATS address written as %j", (url) => {
    expect(load({ NATS_URL: url })).toThrow("(environment NATS_URL), which is not one nats://");
  });

  test("is a key that is no setting, and the nearest setting is offered", () => {
    write("skein.config.json", { prot: 1 });
    expect(load({})).toThrow('file skein.config.json sets "prot", which is no setting; did you mean "port"?');
    write("skein.config.json", { queue_bytes: 1 });
    expect(load({})).toThrow('did you mean "queueBytes"?');
    write("skein.config.json", { colour: "red" });
    expect(load({})).toThrow("settings are port, host, openToNetwork, nats");
    write("skein.config.json", '{"__proto__": 1}');
    expect(load({})).toThrow('sets "__proto__"');
  });

  test("is a file that is not there, is not JSON or holds no object", () => {
    expect(load({ SKEIN_CONFIG: "gone.json" })).toThrow("There is no file gone.json");
    write("skein.config.json", "{port: 1}");
    expect(load({})).toThrow("file skein.config.json is not JSON");
    write("skein.config.json", "[]");
    expect(load({})).toThrow("must hold one JSON object");
  });

  test("never shows the password of an address", () => {
    expect(load({ NATS_URL: "nats:// bob:hunter2@h" })).toThrow(/^(?!.*hunter2).*bob:\*\*\*@h/);
  });
});

describe("an address on display", () => {
  test.each([
    ["nats://h:4222", "nats://h:4222"],
    ["nats://bob:hunter2@h:4222", "nats://bob:***@h:4222"],
    ["nats://t0ken@h", "nats://***@h"],
    ["nats://bob:hun@ter2@h", "nats://bob:***@h"],
    ["nats://bob:hun/ter2@h", "nats://bob:***@h"],
    ["nats://bob:hun,ter2@h", "nats://bob:***@h"],
    ["nats://bob:a@h,nats://t0ken@i,nats://j", "nats://bob:***@h,nats://***@i,nats://j"],
  ])("shows %s as %s", (address, shown) => {
    expect(maskSecrets(address)).toBe(shown);
    expect(displayValue(address)).toBe(shown);
  });

  test("shows a knob without a value as none", () => {
    expect(displayValue(undefined)).toBe("none");
    expect(displayValue(8000)).toBe("8000");
  });
});
