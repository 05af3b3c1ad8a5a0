import type { ConnectionOptions } from "nats";
import type { Outlet } from "./outlet.ts";

const patienceMs = 5000;

/** Publishes on `skein.<org>.instances.<name>`, plainly: a gateway's stream keeps what is said there. */
export async function natsOutlet(server: URL, org: string): Promise<Outlet> {
  const { connect } = await import("nats");
  const nats = await connect(optionsFor(server));
  return {
    async publish({ name, body }) {
      nats.publish(`skein.${token(org)}.instances.${token(name)}`, body);
      await arrived(nats.flush());
    },
    close: () => arrived(nats.drain()),
  };
}

function optionsFor({ protocol, host, username, password }: URL): ConnectionOptions {
  // Without reconnecting, a publish to a server that is away fails at once instead of waiting in the client: what was
  // true then may not be true any more when the server is back.
  const options: ConnectionOptions = { servers: host, name: "skein-example-host", reconnect: false };
  if (protocol === "tls:") options.tls = {};
  if (password) return { ...options, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return username ? { ...options, token: decodeURIComponent(username) } : options;
}

/** Waits until the server has said that it has everything, but not for ever. */
async function arrived(flushed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("NATS does not answer")), patienceMs);
  });
  await Promise.race([flushed, late]).finally(() => clearTimeout(timer));
}

/**
 * A name as one token of a subject: each byte outside `[A-Za-z0-9_-]` becomes `%XX`, so that no name can carry a dot, a
 * wildcard or a space into a subject.
 */
export function token(name: string): string {
  return Array.from(new TextEncoder().encode(name), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
