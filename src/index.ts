export { z } from "zod";
export type { Principal, Role } from "./auth/principal.ts";
export type { Ack, Bus, BusState, Follower, Journal, JournalSpec, Stored, StoreSpec, Table } from "./bus/bus.ts";
export { openEmbeddedBus } from "./bus/embedded.ts";
export { openNatsBus } from "./bus/nats.ts";
export { type Config, type ConfigFile, defineConfig, loadConfig } from "./config.ts";
export type { AgentEvent, AttackEvent, CrackEvent, JobEvent } from "./fragments/event.ts";
export type { Fragment, Template, Tools } from "./fragments/fragment.ts";
export { ownTemplates, type Templates } from "./fragments/templates.ts";
export { type Clock, systemClock } from "./protocol/clock.ts";
export { Exceptions } from "./protocol/exceptions.ts";
export { Failure, type FailureCode } from "./protocol/failure.ts";
export type { FrameBody } from "./protocol/frame.ts";
export { type Listening, listen } from "./server.ts";
export { createSkein, type Limits, type Skein, type SkeinOptions } from "./skein.ts";
export {
  type Change,
  type Definition,
  defineFeed,
  defineLog,
  defineTable,
  type FeedSpec,
  type LogSpec,
  type TableSpec,
} from "./stream/define.ts";
export { flag, whole } from "./stream/query.ts";
export { defineRooms, type RoomsDefinition, type RoomsSpec } from "./stream/rooms.ts";
export { productStreams, streamsWith } from "./streams/all.ts";
