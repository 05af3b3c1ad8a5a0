import { z } from "zod";
import { accessKnobs, quotaKnobs } from "./access.ts";
import { byName, dayMs, milliseconds, natsUrl, redactions, text, whole, yesOrNo } from "./kinds.ts";

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
  natsCreds: text("the name of a file", /\S/)
    .optional()
    .describe("The file with the NATS credentials (JWT and nkey seed) to connect with."),
  natsCa: text("the name of a file", /\S/)
    .optional()
    .describe("The PEM file with the authorities that NATS servers must be certified by; with it, TLS is required."),
  natsCert: text("the name of a file", /\S/)
    .optional()
    .describe("The PEM file with the certificate to show to NATS servers."),
  natsKey: text("the name of a file", /\S/).optional().describe("The PEM file with the key of that certificate."),
  natsInbox: text("the beginning of a subject", /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/)
    .default("_INBOX")
    .describe("What the subjects for answers begin with, for NATS users that may hear their own only."),
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
  streams: text("a directory", /\S/)
    .optional()
    .describe("The directory with streams of your own; without it, streams/ beside the configuration file."),
  fragments: text("a directory", /\S/)
    .optional()
    .describe("The directory with templates of your own for pieces of pages (live/*); without it, those of Skein."),
  redact: redactions
    .default([])
    .describe(
      'What of a log nobody may see: regular expressions (RE2), or {"pattern", "replace"}; several as a JSON array.',
    ),
  ...accessKnobs,
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
    .describe("The longest resume; a client that missed more gets a fresh snapshot. A run is resumed from anywhere."),
  maxMessageBytes: whole(1, 2 ** 26, "bytes")
    .default(65_536)
    .describe("The largest message a WebSocket client may send."),
  maxBodyBytes: whole(1, 262_144, "bytes")
    .default(262_144)
    .describe("The largest body of an HTTP publish; on the bus it is always 256 KiB."),
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
  lettersMax: whole(1, 10_000_000, "messages")
    .default(100_000)
    .describe(
      "How many messages between agents an org may have unread, a tenth of them for one receiver, and how many that are " +
        "over are kept.",
    ),
  lettersMaxBytes: whole(1, 2 ** 40, "bytes")
    .default(2_147_483_648)
    .describe("How large the payloads of an org's unread messages may be together, a tenth of it for one receiver."),
  maxPayloadBytes: whole(1, 2 ** 26, "bytes")
    .default(1_032_192)
    .describe("The largest payload of a message between agents; a NATS server must take 16 KiB more."),
  pollWaitMaxMs: milliseconds(0).default(25_000).describe("The longest time a polling request is held open for news."),
  ...quotaKnobs,
  retryMs: milliseconds(0).default(1000).describe("How long an EventSource is told to wait before it connects again."),
});
