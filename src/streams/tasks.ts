import { z } from "zod";
import { defineFeed } from "../stream/define.ts";
import { defineRooms } from "../stream/rooms.ts";
import { dayMs } from "./fields.ts";
import { taskEvent } from "./task-event.ts";
import { Unfinished } from "./unfinished.ts";

const access = { role: "viewer", needsToken: false, names: { instances: ["instance_id"] } } as const;

/** The tasks of one instance. */
const room = defineFeed({
  path: "tasks/:instance_id",
  description: "The tasks of one instance: the latest update of each that is not over, then every update and step",
  subject: "tasks.:instance_id",
  access,
  // What tasks give out may hold secrets, and a body that is no event was never looked through.
  rejectedBody: "hidden",
  query: z.strictObject({}),
  event: taskEvent,
  keepMs: dayMs,
  messages: {},
  past: { kind: "folded", begin: ({ instance_id = "" }) => new Unfinished(instance_id) },
  frame: (found) => found,
  shows: () => true,
  ends: () => false,
});

/** The tasks of instances, each a room that the client enters and leaves. */
export const tasks = defineRooms({
  path: "tasks",
  description: "The tasks of the instances that the client chooses",
  access,
  room,
  param: "instance_id",
  hello: { type: "connected" },
  join: "subscribe_instance",
  leave: "unsubscribe_instance",
  left: (instance_id) => ({ type: "unsubscribed", instance_id }),
  most: 128,
});
