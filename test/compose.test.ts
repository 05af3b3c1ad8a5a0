import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type LockedNats, productionConf, startLockedNats } from "./support/locked-nats.ts";
import { startSkein } from "./support/process.ts";

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: object;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly volumes?: readonly string[];
  readonly working_dir?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, { ipam?: { config: readonly { subnet: string }[] } }>>;
  readonly secrets?: Readonly<Record<string, { file: string }>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const readCompose = (path: string): Compose => parse(read(path), { merge: true });
const nginxConf = read("deploy/nginx.conf");
const dockerfile = read("Dockerfile");

function gatewaysOf({ services }: Compose): [string, Service][] {
  return Object.entries(services).filter(([, { environment }]) => environment?.SKEIN_HOST);
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

describe.each(["docker-compose.yml", "deploy/docker-compose.yml"])("%s", (path) => {
  const compose = readCompose(path);
  const services = Object.entries(compose.services);
  const tools = [["docker", "compose"], ["docker-compose"]];
  const tool = tools.find(([program = "", ...args]) => runs(program, ...args, "version"));

  test.runIf(tool)("is accepted by docker compose", () => {
    const [program = "", ...args] = tool ?? [];
    const command = [...args, "-f", path, "config", "--quiet"];
    const { status, stderr } = spawnSync(program, command, { cwd: root, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  test("says nothing that the compose specification does not know", () => {
    const validate = new Ajv({ strictTuples: false, allowUnionTypes: true }).compile(
      JSON.parse(read("test/support/compose.schema.json")),
    );
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { a: { image: "a", port: ["80:80"] } } })).toBe(false);
  });

  test("starts after nothing that does not exist, and waits for health only where health is checked", () => {
    for (const [, { depends_on = {} }] of services) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[name];
        expect(Object.keys(compose.services)).toContain(name);
        if (condition === "service_completed_successfully") {
          expect(service).toMatchObject({ entrypoint: ["sh", "-c", expect.any(String)], network_mode: "none" });
          continue;
        }
        const isChecked =
          service?.healthcheck !== undefined || (!service?.image?.includes(":") && /^HEALTHCHECK/m.test(dockerfile));
        expect({ name, condition, isChecked }).toEqual({ name, condition: "service_healthy", isChecked: true });
      }
    }
  });

  test("takes every image by its digest, and each in one version", () => {
    const images = services.map(([, { image, build }]) => (build ? "" : (image ?? ""))).filter((image) => image !== "");
    for (const image of images) expect(image).toMatch(/^[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases)).toEqual(new Set([expect.stringMatching(/^node:24-slim@sha256:[0-9a-f]{64}$/)]));
    expect(dockerfile).not.toMatch(/^#\s*syntax=/m);
  });

  test("lets no service write but to volumes and memory, be root, or have a right of root", () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    for (const [name, service] of services) {
      const { read_only, cap_drop, cap_add = [], security_opt, tmpfs = [], user = "", build } = service;
      expect({ name, read_only, cap_drop, security_opt }).toEqual({
        name,
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      expect([[], ["/tmp"]]).toContainEqual(tmpfs);
      // What gives a new volume to NATS has no network, ends at once, and may do nothing else.
      if (name === "nats-volume") expect(cap_add).toEqual(["CHOWN", "DAC_READ_SEARCH"]);
      else
        expect({ name, cap_add, isRoot: !build && !/^[1-9]\d*:[1-9]\d*$/.test(user) }).toEqual({
          name,
          cap_add: [],
          isRoot: false,
        });
    }
  });

  test("publishes nothing but the proxy, and that on loopback only", () => {
    const published = services.filter(([, { ports }]) => ports).map(([name]) => name);
    expect(published).toEqual(["proxy"]);
    expect(compose.services.proxy?.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:8080$/)]);
  });

  test("balances exactly its gateways, on the port they listen on", () => {
    const balanced = [...nginxConf.matchAll(/^\s*server (\S+):(\d+)/gm)].map(([, name, port]) => ({ name, port }));
    expect(balanced).toEqual(gatewaysOf(compose).map(([name]) => ({ name, port: "8000" })));
    expect(dockerfile).toMatch(/^EXPOSE 8000$/m);
    expect(nginxConf).toMatch(/listen 8080;/);
  });

  test("uses no volume, network or secret that it does not declare", () => {
    const { volumes, networks = {}, secrets = {} } = compose;
    for (const [, service] of services) {
      const named = (service.volumes ?? [])
        .map((volume) => volume.split(":")[0] ?? "")
        .filter((name) => !/^\./.test(name));
      for (const name of named) expect(Object.keys(volumes)).toContain(name);
      for (const name of service.networks ?? []) expect(Object.keys(networks)).toContain(name);
      for (const name of secretsOf(service).keys()) expect(Object.keys(secrets)).toContain(name);
    }
  });
});

/** Where a service finds each of its secrets. */
function secretsOf({ secrets = [] }: Service): Map<string, string> {
  return new Map(
    secrets.map((one) => (typeof one === "string" ? [one, `/run/secrets/${one}`] : [one.source, one.target])),
  );
}

describe("docker-compose.yml", () => {
  const compose = readCompose("docker-compose.yml");

  test("runs two gateways on one NATS with JetStream on a volume", () => {
    const gateways = gatewaysOf(compose);
    expect(gateways).toHaveLength(2);
    for (const [, { environment }] of gateways) {
      const url = new URL(environment?.NATS_URL ?? "");
      expect([url.protocol, url.hostname, url.port]).toEqual(["nats:", "nats", "4222"]);
    }
    expect(compose.services.nats).toMatchObject({ command: expect.arrayContaining(["--jetstream", "/data"]) });
    expect(compose.services.nats?.volumes).toEqual(["nats-data:/data"]);
  });
});

describe("deploy/docker-compose.yml", () => {
  const compose = readCompose("deploy/docker-compose.yml");
  const { nats = {}, proxy = {} } = compose.services;
  let locked: LockedNats;
  beforeAll(async () => {
    locked = await startLockedNats();
  });
  afterAll(async () => locked[Symbol.asyncDispose]());

  test("has only secrets that deploy/nats/secrets.sh makes, in a folder that git leaves out", () => {
    for (const [name, { file }] of Object.entries(compose.secrets ?? {})) {
      expect(file).toBe(`./secrets/${name}`);
      expect(locked.secrets.read(name)).not.toBe("");
    }
    expect(read("deploy/.gitignore")).toMatch(/^secrets\/$/m);
  });

  test("gives NATS the configuration and every file that is named in it, where it looks for them", () => {
    expect(nats.volumes).toEqual([
      "./nats/nats.conf:/etc/skein/nats.conf:ro",
      `nats-data:${nats.working_dir}/jetstream`,
    ]);
    const files = [...productionConf.matchAll(/_file: "\.\/(\S+)"/g)].map(([, file]) => `${nats.working_dir}/${file}`);
    expect([...secretsOf(nats).values()].toSorted()).toEqual([...files, "/run/secrets/passwords.env"].toSorted());
  });

  test("starts NATS with the passwords of the file, which are no part of its command or environment", () => {
    expect(nats.environment).toBeUndefined();
    const [shell = "", ...args] = (nats as { entrypoint?: string[] }).entrypoint ?? [];
    const script =
      args
        .at(-1)
        ?.replace("/run/secrets", locked.secrets.folder)
        .replace(/exec .*$/, "exec env") ?? "";
    const { stdout } = spawnSync(shell, ["-c", script], { encoding: "utf8" });
    expect(stdout).toContain(`SKEIN_NATS_GATEWAY_PASSWORD=${locked.secrets.passwordOf("gateway")}\n`);
  });

  test("keeps the proxy away from NATS, and has the gateways believe the network of the proxy alone", () => {
    expect(proxy.networks).toEqual(["front"]);
    expect(nats.networks).toEqual(["bus"]);
    const subnet = compose.networks?.front?.ipam?.config[0]?.subnet;
    for (const [, { environment }] of gatewaysOf(compose)) expect(environment?.SKEIN_TRUST_PROXY).toBe(subnet);
  });

  test("runs gateways that are ready on this NATS and let nobody in without a token", async () => {
    const [[, service] = ["", {}]] = gatewaysOf(compose);
    const { server, secrets } = locked;
    expect(JSON.parse(secrets.read("gateway.json")).nats).toContain("@nats:4222");
    writeFileSync(secrets.path("gateway.json"), JSON.stringify({ nats: locked.urlOf("gateway") }));
    const here = Object.entries(service.environment ?? {})
      .filter(([, value]) => !value.startsWith("${"))
      .map(([name, value]) => [name, value.replace("/run/secrets", secrets.folder).replace("0.0.0.0", "127.0.0.1")]);
    for (const [, place] of secretsOf(service)) expect(place).toMatch(/^\/run\/secrets\//);
    await using gateway = await startSkein([], { env: Object.fromEntries(here) });
    const { run, url } = gateway;
    expect(run.stdout).toContain(`tls://gateway:***@127.0.0.1:${server.port}`);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/api/instances`)).status).toBe(401);
    expect(run.stderr).not.toMatch(/NATS|refused/);
  });
});

/** Where a gateway says that it is. */
const banner = / at (http:\S+?),/;

test.runIf(runs("unshare", "--mount", "true"))(
  "A gateway runs as a user without rights where nothing can be written but its data",
  async () => {
    const data = mkdtempSync(join(tmpdir(), "skein-data-"));
    chownSync(data, 65_534, 65_534);
    const script = `for place in /tmp /dev/shm /run ${JSON.stringify(root)} /; do
        mount -o remount,ro,bind $place 2>/dev/null || mount --bind -o ro $place $place 2>/dev/null; done
      mount --bind "$0" "$0" && mount -o remount,rw,bind "$0" && cd / && ! touch /tmp/x 2>/dev/null && ! touch /x 2>/dev/null || exit 9
      exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"`;
    const gateway = [process.execPath, join(root, "src/cli/main.ts"), "start", "--port", "0", "--data", data];
    const env = { PATH: process.env.PATH, HOME: "/nonexistent" };
    const args = ["--mount", "sh", "-c", script, data, ...gateway];
    const child = spawn("unshare", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const { promise, resolve } = Promise.withResolvers<void>();
    const hear = (chunk: Buffer) => {
      said += chunk;
      if (banner.test(said)) resolve();
    };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", hear);
    const ended = once(child, "close");
    try {
      await Promise.race([promise, ended]);
      const url = banner.exec(said)?.[1];
      expect(url, said).toBeDefined();
      const answer = await fetch(`${url}/api/publish/runs/r1`, { method: "POST", body: '{"type":"boot"}' });
      expect(answer.status).toBe(201);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      expect(said).not.toMatch(/EROFS|EACCES|read-only/i);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await ended).toEqual([0, null]);
    rmSync(data, { recursive: true });
  },
);

test("deploy/pin-images.sh writes the digests that a registry has now, and none that is no digest", () => {
  const place = mkdtempSync(join(tmpdir(), "skein-pin-"));
  const files = ["Dockerfile", "docker-compose.yml", "deploy/docker-compose.yml"];
  mkdirSync(join(place, "deploy"));
  for (const file of [...files, "deploy/pin-images.sh"]) cpSync(join(root, file), join(place, file));
  const docker = (digest: string) =>
    writeFileSync(join(place, "docker"), `#!/bin/sh\necho ${digest}\n`, { mode: 0o755 });
  const pin = () =>
    spawnSync(join(place, "deploy/pin-images.sh"), { env: { PATH: `${place}:${process.env.PATH}` }, encoding: "utf8" });
  docker("Unauthorized");
  expect(pin()).toMatchObject({ status: 1, stderr: expect.stringContaining("no digest of node:24-slim") });
  expect(readFileSync(join(place, "Dockerfile"), "utf8")).toBe(dockerfile);
  const digest = `sha256:${"5".repeat(64)}`;
  docker(digest);
  expect(pin()).toMatchObject({ status: 0, stderr: "" });
  for (const file of files) {
    const pinned = readFileSync(join(place, file), "utf8");
    expect(pinned).toBe(read(file).replaceAll(/sha256:[0-9a-f]{64}/g, digest));
    expect(pinned).toContain(digest);
  }
  rmSync(place, { recursive: true });
});
