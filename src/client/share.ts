import type { Link, OpenLink } from "./link.ts";
import type { SharePlan } from "./tabs.ts";

/**
 * Lets tabs that ask for the same share one connection. What that takes is loaded when it is asked for, because few pages ask; where it
 * cannot be loaded, a tab has a connection of its own.
 */
export function shareTabs(open: OpenLink, plan: SharePlan): OpenLink {
  return (ear) => {
    const loaded: Promise<Link> = import("./tabs.ts").then(
      ({ openInTabs }) => openInTabs(open, plan)(ear),
      () => open(ear),
    );
    const pass = (task: (link: Link) => void) => void loaded.then(task);
    return {
      follow: (name, since) => pass((link) => link.follow(name, since)),
      leave: (name) => pass((link) => link.leave(name)),
      send: (name, message) => loaded.then((link) => link.send(name, message)),
      close: () => pass((link) => link.close()),
    };
  };
}
