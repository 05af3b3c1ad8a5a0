/** How frames are published. */
export type Pace = "steady" | "flood" | "none";

/** What is done to a server. Every number can be changed on the command line. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly pace: Pace;
  readonly clients: number;
  /** Frames per second, when the pace is steady; before a flood, the rate of the warm-up. */
  readonly rate: number;
  readonly seconds: number;
  /** Frames of a flood. */
  readonly frames: number;
  /** Connections per load process. */
  readonly perProcess: number;
  /** Servers measured unless told otherwise; empty for all of them. */
  readonly servers: readonly string[];
}

const steady = { pace: "steady", rate: 20, seconds: 10, frames: 0, perProcess: 250, servers: [] } as const;

/** The scenarios, in the order of `--scenario all`. */
export const scenarios: readonly Scenario[] = [
  { ...steady, name: "fanout", about: "many clients, a steady stream of frames", clients: 1_000 },
  {
    ...steady,
    name: "flood",
    about: "many frames, as fast as they can be published",
    pace: "flood",
    clients: 300,
    rate: 200,
    frames: 20_000,
  },
  {
    ...steady,
    name: "idle",
    about: "memory of connections on which nothing happens",
    pace: "none",
    clients: 5_000,
    perProcess: 1_000,
  },
  {
    ...steady,
    name: "latency",
    about: "one client, from publish to arrival",
    clients: 1,
    rate: 200,
    seconds: 5,
    servers: ["skein"],
  },
];
