import { once } from "node:events";
import { createServer } from "node:net";
import { Failure } from "../protocol/failure.ts";
import type { Template } from "./template.ts";

/**
 * A port of a template's range that no instance of this node has and that can be bound right now.
 *
 * Throws `conflict` that names the range when there is none.
 */
export async function freePort(
  { from, to }: NonNullable<Template["port"]>,
  taken: ReadonlySet<number>,
): Promise<number> {
  for (let port = from; port <= to; port++) {
    if (!taken.has(port) && (await isBindable(port))) return port;
  }
  throw new Failure(
    "conflict",
    `No port from ${from} to ${to} is free; delete an instance, or widen the template's range`,
  );
}

/** Whether somebody could listen on a port at every address of this machine. */
export async function isBindable(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, exclusive: true });
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
