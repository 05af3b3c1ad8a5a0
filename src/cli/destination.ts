import { loadConfig, maskSecrets } from "../config.ts";
import type { Publisher, PublisherOptions } from "../publisher/index.ts";
import { advised } from "./advice.ts";
import type { Gateway } from "./gateway.ts";

/** Who is told of commands. */
export interface Destination {
  /** For people. */
  readonly shown: string;
  /** What the environment of a command says, so that one within it tells the same. */
  readonly variables: { readonly url: string; readonly via: string | undefined };
  /** Opens it; `warn` hears why something is never taken. Throws an Error that says what cannot be used. */
  open(warn: (why: string) => void): Promise<Publisher>;
}

/** The gateway, or the NATS servers when some are named. */
export function destinationOf(gateway: Gateway, via: string | undefined): Destination {
  const variables = { url: gateway.url, via };
  return via === undefined
    ? { shown: `The gateway at ${gateway.url}`, variables, open: (warn) => openGateway(gateway, warn) }
    : { shown: `NATS at ${maskSecrets(via)}`, variables, open: (warn) => openNats(via, warn) };
}

async function openGateway({ url, credential }: Gateway, warn: (why: string) => void): Promise<Publisher> {
  const { connect } = await import("../publisher/index.ts");
  const token = () => {
    credential?.renew();
    return credential?.token ?? "";
  };
  return connect({ http: url, ...(credential && { token }), ...settings(warn) });
}

async function openNats(nats: string, warn: (why: string) => void): Promise<Publisher> {
  const [{ connect }, { eachOnce, natsFiles }] = await Promise.all([
    import("../publisher/index.ts"),
    import("./bus.ts"),
  ]);
  const { config } = loadConfig({ flags: { nats }, content: nothing });
  const { creds, certificates } = natsFiles(config);
  const secrets = { certificates, ...(creds !== undefined && { creds }) };
  const report = eachOnce(warn);
  return connect({ nats, org: config.org, inboxPrefix: config.natsInbox, ...secrets, report, ...settings(warn) });
}

/** A command must not depend on what lies in the directory that it runs in. */
const nothing = { name: "", values: {} };

function settings(warn: (why: string) => void): PublisherOptions {
  return {
    // This process ends when its command has ended, and in no other way.
    onExit: "nothing",
    bufferMessages: 256,
    onDrop: ({ failure: { code, message } }) => warn(advised(code, message)),
  };
}
