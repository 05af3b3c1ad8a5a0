import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { type NatsServer, startNatsServer } from "./nats-server.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

const text = new TextDecoder();
const utf8 = new TextEncoder();

/** What a user may be given. */
export interface UserTerms {
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  /** In seconds since 1970. */
  readonly exp?: number;
}

/** A nats-server that knows its users by JWTs alone, and makes credentials files for them. */
export interface OperatorNats extends AsyncDisposable {
  readonly server: NatsServer;
  /** The text of a credentials file for a new user. */
  credsOf(name: string, terms?: UserTerms): string;
}

/** Starts one with JetStream, on one account beside that of the system. */
export async function startOperatorNats(): Promise<OperatorNats> {
  const dir = mkdtempSync(join(tmpdir(), "skein-operator-"));
  const [operator, system, account] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const unlimited = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true };
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const accountJwt = (about: KeyPair, limits: object) => jwtOf(operator, about, { type: "account", limits });
  const file = join(dir, "nats.conf");
  const lines = [
    `operator: ${jwtOf(operator, operator, { type: "operator", system_account: system.getPublicKey() })}`,
    `system_account: ${system.getPublicKey()}`,
    "resolver: MEMORY",
    "resolver_preload: {",
    `  ${system.getPublicKey()}: ${accountJwt(system, unlimited)}`,
    `  ${account.getPublicKey()}: ${accountJwt(account, { ...unlimited, ...storage })}`,
    "}",
    `jetstream { store_dir: "${dir}/jetstream" }`,
  ];
  writeFileSync(file, lines.join("\n"));
  const server = await startNatsServer({ config: { file, env: {} } });
  return {
    server,
    credsOf: (name, terms) => credsOf(account, name, terms),
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function credsOf(account: KeyPair, name: string, { publish, subscribe, exp }: UserTerms = {}): string {
  const user = nkeys.createUser();
  const limits = { subs: -1, data: -1, payload: -1 };
  const permissions = { pub: publish ? { allow: publish } : {}, sub: subscribe ? { allow: subscribe } : {} };
  const jwt = jwtOf(account, user, { type: "user", ...limits, ...permissions }, { name, ...(exp && { exp }) });
  return credsText(jwt, text.decode(user.getSeed()));
}

/** A credentials file as nsc writes it. */
export function credsText(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
}

/** A JWT in the form of NATS: signed by one key, about another. */
function jwtOf(signer: KeyPair, about: KeyPair, nats: object, claims: object = {}): string {
  const payload = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: signer.getPublicKey(),
    sub: about.getPublicKey(),
    ...claims,
    nats: { ...nats, version: 2 },
  };
  const parts = [{ typ: "JWT", alg: "ed25519-nkey" }, payload].map((part) =>
    base64url(utf8.encode(JSON.stringify(part))),
  );
  const signed = parts.join(".");
  return `${signed}.${base64url(signer.sign(utf8.encode(signed)))}`;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
