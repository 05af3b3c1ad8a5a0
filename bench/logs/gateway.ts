import { fileURLToPath } from "node:url";
import type { Children, Program } from "../children.ts";
import { noLimits } from "../limits.ts";
import { freePort, whenReady } from "../port.ts";

/** What `node` runs as `skein`. */
export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A gateway that follows logs itself, as it is started by hand. */
export interface Gateway {
  readonly program: Program;
  readonly port: number;
  readonly url: string;
}

/** Starts `skein start --logs`, over the embedded bus. */
export async function startGateway(children: Children, pattern: string): Promise<Gateway> {
  const port = await freePort();
  const args = [main, "start", "--port", String(port), "--data", ":memory:", "--logs", pattern, ...noLimits];
  const program = children.spawn(process.execPath, args);
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await whenReady(program, isReady);
  return { program, port, url };
}
