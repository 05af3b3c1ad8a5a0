export { type Clock, systemClock } from "../protocol/clock.ts";
export { Failure, type FailureCode } from "../protocol/failure.ts";
export type { LetterMetadata } from "../protocol/letter.ts";
export type {
  AgentChange,
  AgentError,
  AgentHeartbeat,
  AttackChange,
  AttackProgress,
  CrackSubmission,
  CrewStatus,
  InstanceRecord,
  JobChange,
  JobProgress,
  TaskStep,
  TaskUpdate,
  ToolOutcome,
  ToolParams,
} from "./bodies.ts";
export {
  type ConnectOptions,
  connect,
  type HttpPublisherOptions,
  type NatsPublisherOptions,
  openHttpPublisher,
  openNatsPublisher,
  type PublisherOptions,
} from "./connect.ts";
export type { Crew } from "./crew.ts";
export type { Agent, Attack, Crack, Job } from "./entities.ts";
export type { Token } from "./http-outlet.ts";
export type { Drop, Tally } from "./outbox.ts";
export type { Receipt } from "./outlet.ts";
export type { Instance, Message, Publisher } from "./publisher.ts";
export type { Run, RunEnding } from "./run.ts";
export type { Task } from "./task.ts";
export type { ToolCall, ToolUser } from "./tool-call.ts";
export type { Tools } from "./tools.ts";
