import { z } from "zod";

const dayMs = 86_400_000;

/** Whole numbers arrive as text from the environment and the command line, and as numbers from a file. */
function whole(least: number, most: number, unit: string) {
  const error = `a whole number from ${least} to ${most} (${unit})`;
  const fromText = (value: unknown) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value);
  return z.preprocess(fromText, z.int({ error }).min(least, { error }).max(most, { error }));
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration arrives as `5s` or `500ms` too; a plain number is milliseconds. */
function milliseconds(least: number, mostDays = 1) {
  const error = `a duration from ${least}ms to ${mostDays}d, like 5s or 500ms; a plain number is milliseconds`;
  const fromText = (value: unknown) => {
    const [, digits, unit = "ms"] = (typeof value === "string" && /^(\d{1,9})(ms|s|m|h|d)?$/.exec(value)) || [];
    return digits === undefined ? value : Number(digits) * (unitsMs[unit] ?? 1);
  };
  return z.preprocess(
    fromText,
    z
      .int({ error })
      .min(least, { error })
      .max(mostDays * dayMs, { error }),
  );
}

function text(error: string, allowed: RegExp) {
  return z.string({ error }).regex(allowed, { error });
}

const yesOrNo = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((said) => said === "true")], { error: "true or false" })
  .default(false);

const redaction = z.union([
  z.string().transform((pattern) => ({ pattern })),
  z.strictObject({ pattern: z.string(), replace: z.string().exactOptional() }),
]);

/** Rules arrive as JSON, or as one regular expression. */
const redactions = z.preprocess(
  (value) => (typeof value === "string" ? (arrayIn(value) ?? [value]) : value),
  z.array(redaction, { error: "one regular expression, or a JSON array of them" }),
);

function arrayIn(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** An object arrives as JSON from the environment and the command line. */
const byName = z.preprocess(
  (value) => (typeof value === "string" ? (objectIn(value) ?? value) : value),
  z.record(z.string(), z.unknown(), { error: "a JSON object with a template under each name" }),
);

function objectIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const natsUrl = text(
  "one nats:// or tls:// address, or several with commas between",
  /^(?:nats|tls):\/\/[^\s,]+(?:,(?:(?:nats|tls):\/\/)?[^\s,]+)*$/,
);

/** Every knob, its unit, its limits, its default and what it is for. */
export const schema = z.strictObject({
  port: whole(0, 65_535, "TCP port").default(8000).describe("The port to listen on; 0 takes any free one."),
  host: text("a host name or an address", /^[^\s/]+$/)
    .default("127.0.0.1")
    .describe("The address to listen on; 0.0.0.0 opens the gateway to the network."),
  openToNetwork: yesOrNo.describe("Whether to listen beyond this machine although nobody has to say who they are."),
  nats: natsUrl
    .optional()
    .describe("The NATS servers; without them messages live in this process and its data directory."),
  data: text("a directory, or :memory:", /\S/)
    .default(".skein")
    .describe("The directory for what must survive a restart; :memory: keeps nothing."),
  logs: text("a path with {name} in it", /^[^\0]*\{name\}[^\0]*$/)
    .optional()
    .describe("Where the logs of instances lie, like /var/log/agents/{name}.log; without it no log is followed here."),
  logsRoot: text("a directory", /\S/)
    .optional()
    .describe("Every log must lie in this directory, links followed; without it, in the one that the pattern names."),
  org: text("a name of at most 128 characters", /^.{1,128}$/s)
    .default("default")
    .describe("The org that the logs followed here belong to."),
  node: text("a name of at most 128 characters", /^.{1,128}$/s)
    .optional()
    .describe("What this node is called; without it, as the machine is."),
  templates: byName
    .optional()
    .describe("What instances this node may run, by the name of the template; without it, none are run here."),
  redact: redactions
    .default([])
    .describe(
      'What of a log nobody may see: regular expressions (RE2), or {"pattern", "replace"}; several as a JSON array.',
    ),
  drainMs: milliseconds(0).default(5000).describe("How long a shutdown spreads the good-byes to clients over."),
  pingEveryMs: milliseconds(1)
    .default(20_000)
    .describe("How long an SSE connection stays silent before a ping is sent."),
  idleAfterMs: milliseconds(1)
    .default(90_000)
    .describe("How long a WebSocket client may say nothing before its connection is closed."),
  stuckAfterMs: milliseconds(1)
    .default(30_000)
    .describe("How long a client may accept no byte before its connection is closed."),
  queueFrames: whole(1, 1_000_000, "frames")
    .default(256)
    .describe("How many frames wait for one slow client before it gets a fresh snapshot instead."),
  queueBytes: whole(1, 2 ** 30, "bytes")
    .default(1_048_576)
    .describe("How many bytes wait for one slow client before it gets a fresh snapshot instead."),
  lingerMs: milliseconds(0).default(30_000).describe("How long a channel is kept after its last client has left."),
  ringFrames: whole(0, 1_000_000, "frames")
    .default(1024)
    .describe("How many of its newest frames a channel remembers for clients that come back."),
  ringBytes: whole(0, 2 ** 32, "bytes")
    .default(4_194_304)
    .describe("How many bytes of its newest frames a channel remembers for clients that come back."),
  replayFrames: whole(1, 10_000_000, "frames")
    .default(10_000)
    .describe("The longest resume; a client that missed more gets a fresh snapshot."),
  maxMessageBytes: whole(1, 2 ** 26, "bytes")
    .default(65_536)
    .describe("The largest message a WebSocket client may send."),
  maxBodyBytes: whole(1, 2 ** 26, "bytes")
    .default(1_048_576)
    .describe("The largest body of an HTTP publish; a NATS server has a limit of its own, by default the same."),
  logBatchMs: milliseconds(0)
    .default(100)
    .describe("How long lines of a busy log are gathered before they are sent; the first of a quiet one goes at once."),
  logBatchBytes: whole(1024, 262_144, "bytes").default(65_536).describe("How many bytes of lines are sent at once."),
  logLineBytes: whole(1024, 262_144, "bytes").default(65_536).describe("How much of a longer line is shown."),
  logFlushMs: milliseconds(0)
    .default(500)
    .describe("How long a last line without its end is waited for before it is shown; 0 waits for ever."),
  logMaxFiles: whole(1, 1_000_000, "files")
    .default(10_000)
    .describe("How many logs are followed at once; more are refused."),
  letterKeepMs: milliseconds(1, 30)
    .default(7 * dayMs)
    .describe("How old a message between agents gets before it is given up, and how long it is kept once it is over."),
  letterRetryMs: milliseconds(1)
    .default(30_000)
    .describe("How long an agent has to acknowledge a message before it is offered again."),
  letterAttempts: whole(1, 20, "offers")
    .default(5)
    .describe("How often a message is delivered without being acknowledged before it fails."),
  maxPayloadBytes: whole(1, 2 ** 26, "bytes")
    .default(1_032_192)
    .describe("The largest payload of a message between agents; a NATS server must take 16 KiB more."),
  pollWaitMaxMs: milliseconds(0).default(25_000).describe("The longest time a polling request is held open for news."),
  retryMs: milliseconds(0).default(1000).describe("How long an EventSource is told to wait before it connects again."),
});
