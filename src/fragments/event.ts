/** The name of something, as databases give it: a text or a number. */
export type Key = string | number;

/** What every event behind a fragment says. */
interface Happening {
  /** What it is about: the last word of its subject. */
  readonly id: string;
  /** Whatever else its publisher says. */
  readonly [field: string]: unknown;
}

/** What becomes of an attack of a campaign. */
export interface AttackEvent extends Happening {
  readonly type: "attack.state_changed" | "attack.progress";
  readonly campaign_id?: Key | null | undefined;
  readonly name?: string | null | undefined;
  readonly state?: string | null | undefined;
  /** In percent. */
  readonly progress?: number | null | undefined;
}

/** What becomes of a job: a part of an attack that one agent works on. */
export interface JobEvent extends Happening {
  readonly type: "job.state_changed" | "job.progress";
  readonly campaign_id?: Key | null | undefined;
  readonly attack_id?: Key | null | undefined;
  readonly name?: string | null | undefined;
  readonly state?: string | null | undefined;
  /** In percent. */
  readonly progress?: number | null | undefined;
}

/** What an agent says of itself. */
export interface AgentEvent extends Happening {
  readonly type: "agent.state_changed" | "agent.heartbeat" | "agent.error";
  readonly name?: string | null | undefined;
  readonly state?: string | null | undefined;
  readonly message?: string | null | undefined;
}

/** Hashes that were cracked: how many and of which type, and never what was in them. */
export interface CrackEvent {
  readonly type: "crack.submitted";
  readonly id: string;
  readonly campaign_id?: Key | null | undefined;
  readonly hash_type?: Key | null | undefined;
  readonly count?: number | null | undefined;
}
