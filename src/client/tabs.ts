import type { OpenLink } from "./link.ts";
import type { TokenSource, Transport } from "./skein.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Channel, type Locks, Tab } from "./tab.ts";

/** What tabs must have in common to share a connection, and how one finds out. */
export interface SharePlan {
  /** Where the gateway is, absolute and with a slash at its end. */
  readonly base: string;
  readonly token: TokenSource | undefined;
  readonly transports: readonly Transport[];
  readonly surroundings: Surroundings;
}

/** What a browser has for its tabs, and other runtimes may not. */
interface TabWorld {
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly crypto?: { randomUUID?(): string };
}

/** How long to wait before asking again who is signed in, when nobody answered. */
const askAgainMs = 2000;

/**
 * Lets tabs that ask for the same share one connection: the one that holds a lock has it and tells the others.
 *
 * Where a page has no Web Locks (they need HTTPS or localhost) or no BroadcastChannel, it has a connection of its own.
 */
export function openInTabs(open: OpenLink, plan: SharePlan): OpenLink {
  const { navigator, BroadcastChannel, crypto } = globalThis as unknown as TabWorld;
  const locks = navigator?.locks;
  const id = crypto?.randomUUID?.();
  if (!locks || !BroadcastChannel || !id) return open;
  const { now, after, random } = plan.surroundings;
  const keyOf = () => sharedKey(plan);
  return (ear) =>
    new Tab(ear, { open, id, locks, keyOf, now, after, random, channelOf: (name) => new BroadcastChannel(name) });
}

/** What tabs call one another by: where they go, how, and as whom. Settles when the gateway has said who that is. */
async function sharedKey({ base, token, transports, surroundings }: SharePlan): Promise<string> {
  for (;;) {
    try {
      const shown = typeof token === "function" ? await token() : token;
      const answer = await surroundings.fetch(`${base}api/session`, {
        headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` },
        credentials: "same-origin",
        cache: "no-store",
      });
      const who = (await answer.text()).replace(/"expires_at":[^,}]*/, "");
      if (answer.status < 429) return `skein ${base} ${transports} ${who}`;
    } catch {
      // It is asked again: whoever nobody knows shares with nobody.
    }
    await new Promise<void>((resolve) => surroundings.after(askAgainMs, resolve));
  }
}
