export { connect } from "./connect.ts";
export type * from "./frames.ts";
export type {
  ConnectOptions,
  Refusal,
  Skein,
  Status,
  Stop,
  Stream,
  StreamOptions,
  StreamStatus,
  TokenSource,
  Transport,
} from "./skein.ts";
