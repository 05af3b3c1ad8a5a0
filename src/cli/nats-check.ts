import { usersOf } from "../bus/layout.ts";
import { checkLayout, type Finding } from "../bus/layout-check.ts";
import { Probe } from "../bus/probe.ts";
import { parseUrl } from "../bus/url.ts";
import type { Config } from "../config.ts";
import { systemClock } from "../protocol/clock.ts";
import { natsFiles } from "./bus.ts";
import { Explained, explained, log } from "./explained.ts";
import { print } from "./listen.ts";
import { type LayoutFlags, layoutFor } from "./nats-layout.ts";
import type { OwnStream } from "./own-streams.ts";

export interface CheckFlags extends LayoutFlags {
  /** The address of the server, with the user and the password; true for the one of the settings. */
  readonly check?: string | true;
  /** Which user of the layout that is, when the address does not say. */
  readonly as?: string;
  readonly json?: true;
}

/**
 * Connects as one user, and says what of the layout the server keeps to; exit code 1 when something is missing. It changes nothing
 * on the server.
 *
 * Throws Explained when the user is none of the layout, or cannot connect.
 */
export async function checkServer(flags: CheckFlags, config: Config, own: readonly OwnStream[]): Promise<void> {
  const layout = layoutFor(flags, own);
  const url = typeof flags.check === "string" ? flags.check : config.nats;
  if (url === undefined) throw new Explained("Say which server to check: --check URL, --nats or NATS_URL");
  const name = flags.as ?? (await explained(userIn(url)));
  const user = usersOf(layout).find((one) => one.name === name);
  if (user === undefined) {
    const names = usersOf(layout).map((one) => one.name);
    throw new Explained(
      `${name ?? "The address"} is no user of this layout: say with --as which it is, of ${names.join(", ")}`,
    );
  }
  const inboxPrefix = `_INBOX.${user.name}`;
  const options = { url, ...natsFiles(config), inboxPrefix, clock: systemClock, report: log };
  await using probe = await explained(Probe.open(options));
  const findings = await checkLayout(layout, user, probe);
  const isGood = findings.every((finding) => finding.isGood);
  if (flags.json) await print(JSON.stringify({ user: user.name, server: probe.version, isGood, findings }, null, 2));
  else for (const line of linesOf(user.name, probe.version, findings)) await print(line);
  if (!isGood) process.exitCode = 1;
}

async function userIn(url: string): Promise<string | undefined> {
  return parseUrl(url).user;
}

function linesOf(user: string, version: string, findings: readonly Finding[]): string[] {
  return [
    `${user}, at nats-server ${version}`,
    ...findings.flatMap(({ isGood, what, advice }) => [
      `${isGood ? "ok   " : "FAULT"} ${what}`,
      ...(advice === undefined ? [] : [`      ${advice}`]),
    ]),
  ];
}
