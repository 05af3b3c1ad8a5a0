import { agent } from "./agent.ts";
import { attack } from "./attack.ts";
import { crack } from "./crack.ts";
import type { AgentEvent, AttackEvent, CrackEvent, JobEvent } from "./event.ts";
import { render, type Template } from "./fragment.ts";
import { job } from "./job.ts";

/** The templates of all fragments, by what they are about. */
export interface Templates {
  readonly attack: Template<AttackEvent>;
  readonly job: Template<JobEvent>;
  readonly agent: Template<AgentEvent>;
  readonly crack: Template<CrackEvent>;
}

/** The templates that come with the product. */
export const ownTemplates: Templates = { attack, job, agent, crack };

/** The names of all templates. */
export const templateNames = ["attack", "job", "agent", "crack"] as const satisfies readonly (keyof Templates)[];

const progress = { campaign_id: 1, attack_id: "a", name: "Rockyou", state: "running", progress: 42.5 };

/** Events of every kind, with everything that may be in them and with nothing that may be left out. */
const samples: Readonly<Record<keyof Templates, readonly object[]>> = {
  attack: [
    { type: "attack.state_changed", id: "a", ...progress },
    { type: "attack.state_changed", id: "a", state: "done" },
    { type: "attack.progress", id: "a", progress: 0 },
  ],
  job: [
    { type: "job.state_changed", id: "j", ...progress },
    { type: "job.state_changed", id: "j", state: "done" },
    { type: "job.progress", id: "j", progress: 100 },
  ],
  agent: [
    { type: "agent.state_changed", id: "g", name: "rig", state: "active", message: "hello" },
    { type: "agent.heartbeat", id: "g" },
    { type: "agent.error", id: "g", message: "no GPU" },
  ],
  crack: [
    { type: "crack.submitted", id: "c", campaign_id: "1", hash_type: "NTLM", count: 3 },
    { type: "crack.submitted", id: "c" },
  ],
};

/** Tries a template on events of every kind that it will be given. Throws `internal` that says what it did wrong. */
export function tryTemplate(name: keyof Templates, template: Template<unknown>): void {
  for (const event of samples[name]) render(name, template, event);
}
