import { exportsOf, type Layout, type OrgAccount, type Share, type User } from "./layout.ts";
import { gatewaysAccount } from "./roles.ts";

/** The configuration of nats-server for a layout: TLS, accounts, users. Passwords are environment variables in it. */
export function layoutText(layout: Layout): string {
  return `${head(layout)}\naccounts {\n${indent(accountsText(layout))}\n}\n`;
}

function head({ accounts }: Layout): string {
  const orgs = [...new Set(accounts.map(({ org }) => org))];
  const agents = accounts.flatMap(({ role, org, users }) =>
    role.name === "agent" ? users.map(({ name }) => `${org}/${name.slice(org.length + 1)}`) : [],
  );
  const flags = [...orgs.map((org) => `--org ${org}`), ...agents.map((agent) => `--agent ${agent}`)];
  return `# NATS for production: TLS, an account for gateways, one for each role of each org, and for each user no more than it needs.
#
# Made by: skein nats-config ${flags.join(" ")}
# Make it again to add an org; do not edit what is below "accounts".
#
#   deploy/nats/secrets.sh secrets nats.example.com       certificates and passwords, in the folder "secrets"
#   cd secrets && set -a && . ./passwords.env && set +a   the passwords, as environment variables
#   nats-server -c ../deploy/nats/nats.conf               here, so that the files below are found
#
# deploy/docker-compose.yml does the same in containers. docs/operating.md (Permissions) says why a role has which right.
${settings}`;
}

const settings = `
server_name: skein
listen: 0.0.0.0:4222

# /healthz /varz /jsz, without a password: loopback only, never on a network.
http: 127.0.0.1:8222

# The largest message; maxBodyBytes and maxPayloadBytes of the gateways belong to it.
max_payload: 1MB

# What is kept for a connection that does not read, and for how long, before it is closed as a slow consumer.
max_pending: 64MB
write_deadline: "10s"

# A client that has gone silent is noticed after ping_interval x ping_max.
ping_interval: "20s"
ping_max: 2
max_connections: 4096

# TLS is required, and a certificate of this authority. Where passwords alone shall do, say
# "verify: false"; the clients then need ca.pem only. Files and folders are those of the working
# directory of nats-server.
tls {
  cert_file: "./server.pem"
  key_file: "./server-key.pem"
  ca_file: "./ca.pem"
  verify: true
  timeout: 5
}

# How long a client may take to say who it is.
authorization { timeout: 5 }

# What all streams may take together. A full disk stops every publish, so leave room beside it.
jetstream {
  store_dir: "./jetstream"
  max_mem: 256MB
  max_file: 10GB
}

# JetStream sends its acknowledgement to any reply subject that a publisher names, without asking for permissions. So every role
# of every org has an account of its own, which has nothing in it but what the role may reach, and only services of the
# gateways' account lead into the streams: an answer then stays in the account that asked.
#
# Passwords come from the environment; without one of them the server does not start. A value may be a bcrypt hash that
# begins with $2a$ ("nats server passwd" makes them); clients then still use the password itself. Plain passwords have
# letters and digits only and begin with a letter: NATS reads other values as numbers, sizes or comments.`;

function accountsText(layout: Layout): string {
  return [gatewaysText(layout), ...layout.accounts.map(orgText)].join("\n\n");
}

function gatewaysText(layout: Layout): string {
  const shares = exportsOf(layout).map((share) => `{ ${shareText(share)}, accounts: [${share.accounts.join(", ")}] }`);
  const users = layout.gateways.map(userText);
  return [
    `${gatewaysAccount} {`,
    "  jetstream: { max_mem: 256MB, max_file: 10GB }",
    indent(list("users", users)),
    "",
    "  # What orgs reach of it: services are sent to, streams are heard.",
    indent(list("exports", shares)),
    "}",
  ].join("\n");
}

function orgText({ name, org, role, users, imports }: OrgAccount): string {
  const shares = imports.map(
    (share) => `{ ${share.kind}: { account: ${gatewaysAccount}, subject: ${quoted(share.subject)} } }`,
  );
  return [
    `# ${org}: ${role.about}`,
    `${name} {`,
    indent(
      list(
        "users",
        users.map((user) => userText({ ...user, about: "" })),
      ),
    ),
    indent(list("imports", shares)),
    "}",
  ].join("\n");
}

function shareText({ kind, subject }: Share): string {
  return `${kind}: ${quoted(subject)}`;
}

function userText({ name, variable, about, publish, subscribe, answers }: User): string {
  const note = about === "" ? [] : [`# ${about}`];
  const login = `user: ${quoted(name)}, password: $${variable}`;
  if (publish === undefined || subscribe === undefined) return [...note, `{ ${login} }`].join("\n");
  const said = publish.length === 0 ? 'publish: { deny: [">"] }' : `publish: ${allow(publish)}`;
  return [
    ...note,
    "{",
    `  ${login}`,
    "  permissions: {",
    indent(indent([said, `subscribe: ${allow(subscribe)}`, ...(answers ? [responses] : [])].join("\n"))),
    "  }",
    "}",
  ].join("\n");
}

/** One answer to the one who asked, wherever that listens for it. */
const responses = 'allow_responses: { max: 1, expires: "1m" }';

function allow(subjects: readonly string[]): string {
  return `{\n${indent(list("allow", lines(subjects)))}\n}`;
}

/** Subjects in lines; those about one stream begin a line. */
function lines(subjects: readonly string[]): string[] {
  const made: string[] = [];
  let [line, about] = ["", ""];
  for (const subject of subjects) {
    const next = line === "" ? quoted(subject) : `${line}, ${quoted(subject)}`;
    const stream = /\.(SKEIN_[A-Z0-9_-]+)/.exec(subject)?.[1] ?? "";
    if (line !== "" && (next.length > widest || stream !== about)) {
      made.push(line);
      line = quoted(subject);
    } else line = next;
    about = stream;
  }
  return [...made, line];
}

const widest = 100;

function list(name: string, items: readonly string[]): string {
  return `${name}: [\n${indent(items.join("\n"))}\n]`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
