import { z } from "zod";
import type { AgentEvent, AttackEvent, CrackEvent, JobEvent } from "../fragments/event.ts";
import { type Rendered, render } from "../fragments/fragment.ts";
import type { Templates } from "../fragments/templates.ts";
import type { FrameBody } from "../protocol/frame.ts";
import { defineFeed, type FeedDefinition } from "../stream/define.ts";
import { whole } from "../stream/query.ts";
import { dayMs } from "./fields.ts";
import { agentEvent, crackEvent, workEvent } from "./live-event.ts";

const mostRecent = 100;

/** What is behind a fragment. */
interface Happening {
  readonly type: string;
  readonly id: string;
}

/** The streams of fragments for a page, made by templates. */
export function live(templates: Templates): readonly FeedDefinition[] {
  return [campaigns(templates), agents(templates), toasts(templates)];
}

function campaigns({ attack, job }: Templates): FeedDefinition {
  return defineFragments<AttackEvent | JobEvent>({
    path: "live/campaigns",
    description: "Attacks and jobs of campaigns as pieces of a page, each time when their state or progress changes",
    subject: ":entity(attacks|jobs).:id",
    event: workEvent,
    render: (event) => (isAttack(event) ? render("attack", attack, event) : render("job", job, event)),
  });
}

function isAttack(event: AttackEvent | JobEvent): event is AttackEvent {
  return event.type.startsWith("attack.");
}

function agents({ agent }: Templates): FeedDefinition {
  return defineFragments<AgentEvent>({
    path: "live/agents",
    description: "Agents as pieces of a page, each time when one changes its state, is heard or has an error",
    subject: "agents.:id",
    event: agentEvent,
    render: (event) => render("agent", agent, event),
  });
}

function toasts({ crack }: Templates): FeedDefinition {
  return defineFragments<CrackEvent>({
    path: "live/toasts",
    description: "Toasts that hashes were cracked, as pieces of a page; never what was in them",
    subject: "cracks.:id",
    event: crackEvent,
    render: (event) => render("crack", crack, event),
  });
}

function defineFragments<Event extends Happening>({
  event,
  render: renderEvent,
  ...place
}: Spec<Event>): FeedDefinition {
  const frame = (found: Event): FrameBody => ({ type: found.type, id: found.id, ...renderEvent(found) });
  return defineFeed({
    ...place,
    access: { role: "viewer", needsToken: true, names: {} },
    // A body that is no event may hold what was in a hash.
    rejectedBody: "hidden",
    query: z.strictObject({ recent: whole(0, [0, mostRecent]) }),
    event,
    keepMs: dayMs,
    messages: {},
    past: {
      kind: "recent",
      most: mostRecent,
      count: ({ recent }) => recent,
      snapshot: (events) => [{ type: "snapshot", count: events.length }, ...events.map(frame)],
    },
    frame,
    shows: () => true,
    ends: () => false,
  });
}

interface Spec<Event> {
  readonly path: string;
  readonly description: string;
  readonly subject: string;
  readonly event: z.ZodType<Event>;
  /** Throws `internal` when the template is broken. */
  render(event: Event): Rendered;
}
