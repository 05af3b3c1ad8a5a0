import { join } from "node:path";
import type { AuthOptions } from "../auth/auth.ts";
import { isLoopback } from "../auth/loopback.ts";
import type { Bus } from "../bus/bus.ts";
import type { Config } from "../config.ts";
import type { Exceptions } from "../protocol/exceptions.ts";
import { Failure } from "../protocol/failure.ts";
import { type Listening, listen } from "../server.ts";
import { createSkein, type Skein } from "../skein.ts";
import { streamsWith } from "../streams/all.ts";
import { startLogsAgent } from "./agent.ts";
import { banner } from "./banner.ts";
import { openBus } from "./bus.ts";
import { outliveExceptions, serverExceptions } from "./exceptions.ts";
import { Explained, explained } from "./explained.ts";
import { loadTemplates } from "./fragments.ts";
import { authOf } from "./keys.ts";
import { type Household, householdOf, runNode } from "./node.ts";
import { ownAccess } from "./own-access.ts";
import type { OwnStream } from "./own-streams.ts";
import { quotasOf } from "./quotas.ts";
import { endOnSignal } from "./signals.ts";

/** Starts a gateway, with the user's own streams besides its own, and serves until a signal ends it. Throws Explained when it cannot. */
export async function start(config: Config, own: readonly OwnStream[]): Promise<void> {
  refuseOpenNetwork(config);
  const household = householdOf(config);
  const opened: (() => Promise<void> | void)[] = [() => household?.clear()];
  const close = async () => {
    for (const one of opened.toReversed()) await one();
  };
  try {
    // The key goes first: the directory that it makes is nobody else's.
    const access = household?.isTemporary && config.auth === "enforced" ? ownAccess(config) : undefined;
    const auth = await authOf(config, access ? [access.source] : []);
    const exceptions = serverExceptions();
    const { bus, close: closeBus } = await openBus(config, exceptions.take);
    opened.push(closeBus);
    const logs = config.logs ?? (household && join(household.logs, "{name}.log"));
    const agent = logs === undefined ? undefined : await startLogsAgent(bus, { ...config, logs }, exceptions.take);
    opened.push(async () => agent?.close());
    const { skein, url, close: unlisten } = await explained(serve({ bus, auth, config, own, exceptions }));
    opened.push(() => unlisten(config.drainMs));
    const node =
      household && (await runNode(bus, household, { org: config.org, url, access, onException: exceptions.take }));
    const leave = async () => {
      // Otherwise the port is closed before anything is said: who hears the good-bye finds nobody here.
      if (household?.isTemporary) await node?.settle();
      await unlisten(config.drainMs);
      await node?.close();
      await agent?.close();
      await closeBus();
    };
    endOnSignal(leave, `${farewell(household)} within ${config.drainMs / 1000} s; a second signal leaves at once`);
    outliveExceptions(exceptions);
    process.stdout.write(banner({ url, logs, ticket: await sessionTicket(skein) }, config));
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function farewell(household: Household | undefined): string {
  if (household === undefined) return "saying good-bye";
  if (household.isTemporary) return "stopping the instances, then saying good-bye";
  return "leaving the instances to run, which the next start takes up, and saying good-bye";
}

async function serve({ bus, auth, config, own, exceptions }: Serving): Promise<Listening & { readonly skein: Skein }> {
  const report = (fault: unknown) => console.error(fault);
  const streams = [...streamsWith(await loadTemplates(config.fragments)), ...own.map(({ definition }) => definition)];
  const skein = createSkein({ bus, auth, streams, limits: config, quotas: quotasOf(config), report, exceptions });
  await skein.start();
  return { skein, ...(await listen(skein, config)) };
}

interface Serving {
  readonly bus: Bus;
  readonly auth: AuthOptions;
  readonly config: Config;
  readonly own: readonly OwnStream[];
  readonly exceptions: Exceptions;
}

/** The ticket of a link to the page that opens once; undefined where there is none, say because the bus is away. */
async function sessionTicket(skein: Skein): Promise<string | undefined> {
  try {
    return await skein.link();
  } catch (thrown) {
    if (Failure.from(thrown).code !== "bus_away") throw thrown;
    return undefined;
  }
}

/** In mode `open` everyone may do everything, so only this machine may reach it unless somebody insists. */
function refuseOpenNetwork({ auth, host, openToNetwork }: Config): void {
  if (auth === "enforced" || isLoopback(host) || openToNetwork) return;
  throw new Explained(
    `Host ${host} would open this gateway to the network without any authentication. ` +
      "Listen on 127.0.0.1, let in only who has a token with --auth enforced, " +
      "or add --open-to-network true when something in front of it keeps strangers out.",
  );
}
