import { expect, test } from "vitest";
import type * as client from "../../src/client/frames.ts";
import type { Rendered } from "../../src/fragments/fragment.ts";
import type { Instance } from "../../src/streams/instances.ts";
import type { MessageEvent } from "../../src/streams/messages.ts";
import type { Crew } from "../../src/streams/mission.ts";
import type { RunEvent } from "../../src/streams/runs.ts";
import type { Member } from "../../src/streams/swarm.ts";
import type { TaskEvent } from "../../src/streams/task-event.ts";
import type { ToolEvent } from "../../src/streams/tool-event.ts";

/** The fields that a type names, in every member of a union; not that others may be there. */
type FieldOf<Type> = Type extends unknown
  ? keyof { [Field in keyof Type as string extends Field ? never : Field]: true }
  : never;

type In<Type, Field extends PropertyKey> = Type extends unknown
  ? Field extends FieldOf<Type>
    ? Exclude<Type[Field], undefined>
    : never
  : never;

/** What a type says of each field, whether it may be left out or not, all members of a union together. */
type Plain<Type> = unknown extends Type
  ? unknown
  : Extract<Type, string | number | boolean | null> | List<Extract<Type, readonly unknown[]>> | Objects<Type>;
type List<Type> = Type extends readonly (infer Item)[] ? readonly Plain<Item>[] : never;
type Objects<Type> = [Exclude<Type, string | number | boolean | null | readonly unknown[]>] extends [never]
  ? never
  : {
      [Field in FieldOf<Exclude<Type, string | number | boolean | null | readonly unknown[]>>]: Plain<In<Type, Field>>;
    };

type Same<Left, Right> =
  (<Type>() => Type extends Plain<Left> ? 1 : 2) extends <Type>() => Type extends Plain<Right> ? 1 : 2 ? true : false;

/** What frames have that events and records have not, or have otherwise. */
type Framed<Frame, Else extends string = never> = Frame extends unknown ? Without<Frame, "cursor" | Else> : never;
type Without<Type, Field extends string> = { [Key in keyof Type as Key extends Field ? never : Key]: Type[Key] };

type FrameOf<Frame, Type> = Extract<Frame, { readonly type: Type }>;
type EventOf<Type> = Extract<ToolEvent, { type: Type }>;
type TaskOf<Type> = Extract<TaskEvent, { type: Type }>;

/** What the SDK says of an instance that Skein itself runs, and a record of another service need not have. */
type OfSkein = "node" | "template" | "params" | "created_at" | "exit_code" | "restarts";

interface Renamed extends Omit<MessageEvent, "event"> {
  readonly kind: MessageEvent["event"];
}

/** Each is `true` as long as the frames of the SDK are what the definitions make them of; otherwise this does not compile. */
const agreed: readonly true[] = [
  is<Same<Framed<client.Instance, OfSkein>, Instance>>(true),
  is<Same<client.MessageEvent, MessageEvent>>(true),
  is<Same<Framed<client.RunEvent>, Framed<RunEvent, "code">>>(true),
  is<Same<client.CrewStatus, Crew["status"]>>(true),
  is<Same<Without<client.Signal, "crewId">, Without<Crew, "crew_id">>>(true),
  is<Same<Framed<client.ToolStart, "params">, Framed<EventOf<"tool_start">, "params">>>(true),
  is<Same<Framed<client.ToolProgress>, EventOf<"tool_progress">>>(true),
  is<Same<Framed<client.ToolEnd, "reason">, EventOf<"tool_end">>>(true),
  is<Same<FrameOf<client.GraphFrame, "ping">["timestamp"], EventOf<"ping">["timestamp"]>>(true),
  is<Same<Framed<client.TaskUpdate>, TaskOf<"task_update">>>(true),
  is<Same<Framed<Without<client.ExecutionStep, "data">>, Without<TaskOf<"execution_step">, "data">>>(true),
  is<Same<Without<client.ExecutionStep["data"], "output">, TaskOf<"execution_step">["data"]>>(true),
  is<Same<Framed<client.Fragment, "type" | "id">, Rendered>>(true),
  is<Same<Exclude<client.SwarmMember["status"], null>, Member["status"]>>(true),
];

function is<Type extends boolean>(value: Type): Type {
  return value;
}

test("The frames of the SDK are typed as the definitions make them", () => {
  expect(agreed.every(Boolean)).toBe(true);
  // @ts-expect-error a field has another name
  is<Same<client.MessageEvent, Renamed>>(true);
  // @ts-expect-error a field has another type
  is<Same<{ a: string | null }, { a: string }>>(true);
  // @ts-expect-error a field within a field has another name
  is<Same<{ a: { b: 1 } }, { a: { c: 1 } }>>(true);
});
