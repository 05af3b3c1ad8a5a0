import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { layoutText } from "../../src/bus/layout-text.ts";
import type { NatsOptions } from "../../src/bus/nats.ts";
import { directGet, rightsOf } from "../../src/bus/roles.ts";
import { type LayoutFlags, layoutFor } from "../../src/cli/nats-layout.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { installed } from "./installed.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";

const deploy = fileURLToPath(new URL("../../deploy/nats/", import.meta.url));

/** The configuration for production, as it is in the repository. */
export const productionConf = readFileSync(join(deploy, "nats.conf"), "utf8");

/** A folder with an authority, certificates and passwords, as `deploy/nats/secrets.sh` makes them. */
export class Secrets {
  readonly folder = mkdtempSync(join(tmpdir(), "skein-secrets-"));

  /** Certifies the server for these names and addresses, too. */
  constructor(...names: readonly string[]) {
    this.make(...names);
  }

  /** Runs the script, for the users of the configuration in the repository. */
  make(...names: readonly string[]): void {
    this.#run(names, process.env);
  }

  /** Runs the script for the users of another configuration, which is put beside the secrets; returns the file's name. */
  makeFor(conf: string): string {
    const file = this.path("nats.conf");
    writeFileSync(file, conf);
    this.#run([], { ...process.env, CONF: file });
    return file;
  }

  #run(names: readonly string[], env: NodeJS.ProcessEnv): void {
    execFileSync(join(deploy, "secrets.sh"), [this.folder, ...names], { env, stdio: ["ignore", "pipe", "inherit"] });
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  /** Environment variables for the configuration. */
  get passwords(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.read("passwords.env").matchAll(/^(\w+)=(\w+)$/gm)].map(([, k, v]) => [k, v]));
  }

  passwordOf(user: string): string {
    return this.passwords[`SKEIN_NATS_${user.toUpperCase().replaceAll("-", "_")}_PASSWORD`] ?? "";
  }

  /** Makes a certificate that holds for some days from now; fewer than 0: one that has expired. */
  certify(name: string, { usage = "clientAuth", names = "DNS:client", days = 1 } = {}): void {
    const openssl = installed({ variable: "OPENSSL_BIN", names: ["openssl"], debian: "openssl" });
    const run = (...args: string[]) =>
      execFileSync(openssl, args, { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}-key.pem`);
    run("req", "-new", "-key", `${name}-key.pem`, "-subj", `/CN=${name}`, "-out", `${name}.csr`);
    writeFileSync(this.path("extensions"), `extendedKeyUsage = ${usage}\nsubjectAltName = ${names}\n`);
    const authority = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-set_serial", "7", "-extfile", "extensions"];
    run("x509", "-req", "-in", `${name}.csr`, ...authority, "-days", String(days), "-out", `${name}.pem`);
  }

  certificatesOf(name: string) {
    return { ca: this.read("ca.pem"), cert: this.read(`${name}.pem`), key: this.read(`${name}-key.pem`) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A nats-server with the configuration for production, and who may speak to it. */
export interface LockedNats extends AsyncDisposable {
  readonly server: NatsServer;
  readonly secrets: Secrets;
  /** The URL with the password of a user. */
  urlOf(user: string): string;
  /** How a user connects. */
  optionsOf(user: string): NatsOptions;
}

/** Starts one; `conf` is the configuration for production, possibly changed, and `prepare` makes what else it wants. */
export async function startLockedNats(
  conf = productionConf,
  prepare: (secrets: Secrets) => void = () => {},
): Promise<LockedNats> {
  const secrets = new Secrets();
  prepare(secrets);
  const file = secrets.makeFor(conf);
  const server = await startNatsServer({ config: { file, env: secrets.passwords } });
  const urlOf = (user: string) => `tls://${user}:${secrets.passwordOf(user)}@127.0.0.1:${server.port}`;
  return {
    server,
    secrets,
    urlOf,
    optionsOf: (user) => ({
      url: urlOf(user),
      clock: systemClock,
      certificates: secrets.certificatesOf(user),
      inboxPrefix: `_INBOX.${user}`,
    }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      secrets.remove();
    },
  };
}

/** The configuration for production for other orgs. */
export function confFor(flags: LayoutFlags): string {
  return layoutText(layoutFor(flags, []));
}

/**
 * The configuration with stores of one's own, each a table or a journal, whose subjects begin with the name in lower case.
 * Single rows of each may be got, as a node gets its own.
 */
export function withStores(names: readonly string[]): string {
  const quoted = (texts: readonly string[]) => texts.map((text) => JSON.stringify(text)).join(", ");
  const rights = names.flatMap((name) => [
    ...rightsOf({ name, kind: "table" }),
    ...rightsOf({ name, kind: "journal" }),
    directGet(name, ">"),
  ]);
  const subjects = names.map((name) => `${name}.>`);
  return productionConf
    .replace('"skein.>"', `"skein.>", ${quoted([...subjects, ...new Set(rights)])}`)
    .replace('"skein.*.gateways.*"', `"skein.*.gateways.*", ${quoted(subjects)}`);
}
