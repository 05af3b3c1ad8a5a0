import pc from "picocolors";
import type { Bus } from "../bus/bus.ts";
import { type Config, maskSecrets } from "../config.ts";
import { LogsAgent } from "../logs/agent.ts";
import { diskFiles } from "../logs/disk.ts";
import { LogPattern } from "../logs/pattern.ts";
import { Redaction } from "../logs/redact.ts";
import type { Report } from "../protocol/background.ts";
import { systemClock } from "../protocol/clock.ts";
import { openBus } from "./bus.ts";
import { outliveExceptions, serverExceptions } from "./exceptions.ts";
import { Explained, explained, log, messageOf } from "./explained.ts";
import { endOnSignal } from "./signals.ts";

/** Follows logs of this machine for gateways elsewhere until a signal ends it. Throws Explained when it cannot. */
export async function runLogsAgent(config: Config): Promise<void> {
  if (config.nats === undefined) {
    throw new Explained("A logs agent of its own needs NATS: add --nats, or run skein start --logs instead");
  }
  const exceptions = serverExceptions();
  const { bus, close } = await openBus(config, exceptions.take);
  try {
    const agent = await startLogsAgent(bus, config, exceptions.take);
    endOnSignal(() => agent.close().then(close), "leaving");
    const where = pc.cyan(maskSecrets(config.nats));
    outliveExceptions(exceptions);
    process.stdout.write(`${pc.bold("Skein")} follows ${config.logs} for org ${config.org} on ${where}\n`);
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Starts an agent for the logs that the configuration names. Throws Explained when it names none, or not rightly. */
export async function startLogsAgent(bus: Bus, config: Config, onException: Report): Promise<LogsAgent> {
  const agent = agentOf(bus, config, onException);
  await explained(agent.start());
  return agent;
}

function agentOf(bus: Bus, config: Config, onException: Report): LogsAgent {
  const { logs, logsRoot, org, redact, logBatchMs, logBatchBytes, logLineBytes, logFlushMs, logMaxFiles } = config;
  if (logs === undefined) throw new Explained("Say where the logs lie: --logs '/var/log/agents/{name}.log'");
  try {
    return new LogsAgent({
      bus,
      org,
      pattern: new LogPattern(logs, logsRoot === undefined ? {} : { root: logsRoot }),
      files: diskFiles,
      clock: systemClock,
      redaction: new Redaction(redact),
      limits: {
        batchMs: logBatchMs,
        batchBytes: logBatchBytes,
        maxLineBytes: logLineBytes,
        flushPartialMs: logFlushMs,
        maxFollowed: logMaxFiles,
      },
      report: log,
      onException,
    });
  } catch (thrown) {
    throw thrown instanceof TypeError ? new Explained(messageOf(thrown)) : thrown;
  }
}
