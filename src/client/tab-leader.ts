import type { Link, OpenLink } from "./link.ts";
import type { Status } from "./skein.ts";
import type { Asked, Told } from "./tab-talk.ts";

/** What a tab is said to be connected by before it knows. */
export const connecting: Status = { state: "connecting", transport: "ws" };

/** How many tabs are asked for a state that one of them is to give, before it is fetched anew for all. */
const mostGivers = 2;

/** How the leader reaches the tabs. */
export interface Reach {
  readonly tell: (told: Told) => void;
  /** Calls back when a tab is gone, however it went. */
  readonly onGone: (tab: string, gone: () => void) => void;
}

/** The tab that has the connection: it follows what any tab wants, and tells all of them what comes. */
export class TabLeader {
  readonly #reach: Reach;
  readonly #link: Link;
  /** Which tabs want a stream. */
  readonly #wanted = new Map<string, Set<string>>();
  #status = connecting;
  #isOver = false;

  constructor(open: OpenLink, reach: Reach) {
    const tell = (told: Told) => this.#isOver || reach.tell(told);
    this.#reach = reach;
    tell({ kind: "status", status: connecting });
    this.#link = open({
      frame: (name, frame) => tell({ kind: "frame", name, frame }),
      phase: (name, status) => tell({ kind: "phase", name, status }),
      status: (status) => {
        this.#status = status;
        tell({ kind: "status", status });
      },
      // Its own tab asks it like all others, and keeps the states.
      stateOf: () => undefined,
      adopt: () => {},
    });
  }

  hear(asked: Asked): void {
    if (asked.kind === "who") this.#reach.tell({ kind: "status", status: this.#status });
    else if (asked.kind === "follow") this.#follow(asked);
    else if (asked.kind === "leave") this.#leave(asked.from, asked.name);
    else this.#send(asked);
  }

  close(): void {
    this.#isOver = true;
    this.#link.close();
  }

  #follow({ from, name, since, isLate, tried }: Extract<Asked, { kind: "follow" }>): void {
    const tabs = this.#wanted.get(name) ?? new Set();
    const isFollowed = tabs.size > 0;
    const giver = [...tabs].filter((tab) => tab !== from).slice(0, mostGivers)[tried];
    if (!tabs.has(from)) this.#reach.onGone(from, () => this.#leave(from, name));
    this.#wanted.set(name, tabs.add(from));
    // Whoever knows where it stands, and has heard of the beginning, finds its place by itself.
    if (isFollowed && since !== undefined && !isLate) return;
    if (giver && since === undefined) return this.#reach.tell({ kind: "give", name, from: giver, to: from });
    // Nobody has followed it, or it goes back for one that is late, or nobody could give the state: it begins for all.
    this.#reach.tell({ kind: "begin", name, since });
    this.#link.follow(name, since);
  }

  #leave(tab: string, name: string): void {
    const tabs = this.#wanted.get(name);
    if (!tabs?.delete(tab) || tabs.size > 0) return;
    this.#wanted.delete(name);
    this.#link.leave(name);
  }

  async #send({ from, id, name, message }: Extract<Asked, { kind: "send" }>): Promise<void> {
    let fault: string | undefined;
    try {
      await this.#link.send(name, message);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    this.#reach.tell({ kind: "sent", to: from, id, fault });
  }
}
