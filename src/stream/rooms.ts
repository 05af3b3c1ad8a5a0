import { reservedMessages } from "../protocol/message.ts";
import type { Definition, RoomsDefinition, RoomsSpec } from "./define.ts";
import { Pattern } from "./path.ts";
import { reservedQuery } from "./query.ts";

export type { RoomsDefinition, RoomsSpec } from "./define.ts";

/** Defines a stream whose client chooses rooms. Throws TypeError that names the fault. */
export function defineRooms(spec: RoomsSpec): RoomsDefinition {
  const fault = (text: string) => new TypeError(`Stream "${spec.path}": ${text}`);
  const { room, param, join, leave, most } = spec;
  const pathPattern = new Pattern(spec.path, "/");
  if (pathPattern.names.length > 0) throw fault("its path must name nothing: its rooms are named by messages");
  const { names } = room.pathPattern;
  if (names.length !== 1 || names[0] !== param)
    throw fault(`its room "${room.path}" must name ":${param}" and no other`);
  if (reservedQuery.has(param)) throw fault(`query parameter "${param}" belongs to the protocol`);
  if (param in room.query.shape) throw fault(`its room has the query parameter "${param}", too`);
  const taken = [join, leave].find((type) => reservedMessages.has(type));
  if (taken !== undefined) throw fault(`message type "${taken}" belongs to the protocol`);
  if (join === leave) throw fault("what enters a room must not be what leaves it");
  if (!(most > 0)) throw fault("most must be more than 0");
  return { ...spec, kind: "rooms", pathPattern };
}

/** The definitions and, where it is not among them, the feed of every one that has rooms. */
export function withRooms(definitions: readonly Definition[]): readonly Definition[] {
  const feeds = definitions.filter((definition) => definition.kind === "rooms").map(({ room }) => room);
  return [...new Set([...definitions, ...feeds])];
}
