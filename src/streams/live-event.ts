import { z } from "zod";
import { freeText, identifier } from "../stream/texts.ts";
import { maybe, oneOf, text } from "./fields.ts";

const state = identifier.min(1, "must be a text that is not empty");
const percent = z.number("must be a number from 0 to 100").min(0, "must be 0 or more").max(100, "must be 100 or less");

/** What a database calls something: a text or a whole number. */
const key = maybe(
  z.union([z.string().max(128, "must be 128 characters at the most"), z.int()], "must be a text or a whole number"),
);

const about = { timestamp: identifier, entity: identifier, id: identifier };

const work = { ...about, campaign_id: key, attack_id: key, name: text };
const changed = { ...work, state, progress: maybe(percent) };
const progressed = { ...work, state: maybe(state), progress: percent };

const workTypes = ["attack.state_changed", "attack.progress", "job.state_changed", "job.progress"] as const;

/** What becomes of attacks and jobs. */
export const workEvent = z
  .discriminatedUnion(
    "type",
    [
      z.looseObject({ type: z.literal("attack.state_changed"), ...changed }),
      z.looseObject({ type: z.literal("attack.progress"), ...progressed }),
      z.looseObject({ type: z.literal("job.state_changed"), ...changed }),
      z.looseObject({ type: z.literal("job.progress"), ...progressed }),
    ],
    oneOf(workTypes),
  )
  .refine(({ type, entity }) => type.startsWith(entity === "attacks" ? "attack." : "job."), {
    path: ["type"],
    message: "belongs to the other subject: attack.… to attacks, job.… to jobs",
  });

const agentTypes = ["agent.state_changed", "agent.heartbeat", "agent.error"] as const;
const agent = { timestamp: identifier, id: identifier, name: text };

/** What agents say of themselves. */
export const agentEvent = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("agent.state_changed"), ...agent, state, message: text }),
    z.looseObject({ type: z.literal("agent.heartbeat"), ...agent, state: maybe(state), message: text }),
    z.looseObject({ type: z.literal("agent.error"), ...agent, state: maybe(state), message: freeText }),
  ],
  oneOf(agentTypes),
);

const crackTypes = ["crack.submitted"] as const;

/** What a campaign is called: nothing that could be much else than a name. */
const slug = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, "must be a short name of letters, digits and _.:-");

/** What a type of hashes is called: a short name without white space, or the number of a mode. */
const hashType = z
  .string("must be a name or a whole number")
  .regex(/^[A-Za-z0-9][A-Za-z0-9()+./:_-]{0,63}$/, "must be a short name of letters, digits and ()+./:_-");

/** That hashes were cracked. Only what is named here passes: what was in them must never enter a frame. */
export const crackEvent = z.object({
  type: z.enum(crackTypes, oneOf(crackTypes)),
  timestamp: identifier,
  id: identifier,
  campaign_id: maybe(z.union([slug, z.int()], "must be a short name or a whole number")),
  hash_type: maybe(z.union([hashType, z.int()], "must be a short name or a whole number")),
  count: maybe(z.int("must be a whole number").min(1, "must be 1 or more")),
});
