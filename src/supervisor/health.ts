import type { Clock, Stop } from "../protocol/clock.ts";
import { isHealthy } from "./probe.ts";
import type { Template } from "./template.ts";

/** Who wants to know how an instance is. */
export interface HealthWatch {
  readonly clock: Clock;
  readonly rules: Template["health"];
  readonly port: number | null;
  /** Called once, at the first probe that succeeds. */
  readonly healthy: () => void;
  /** Called once, when too many probes failed in a row, or none succeeded in time. */
  readonly hung: () => void;
  /** Looks after a probe that nothing awaits. */
  readonly detach: (probe: Promise<void>) => void;
}

/** How long a process must live to count as running when nobody probes it. */
const settleMs = 200;

/** Probes an instance until stopped. */
export function watchHealth(watch: HealthWatch): Stop {
  const { clock, rules, port, healthy } = watch;
  if (rules.kind === "none" || port === null) return clock.after(settleMs, healthy);
  return probeInTurn(watch, port);
}

function probeInTurn({ clock, rules, healthy, hung, detach }: HealthWatch, port: number): Stop {
  const startMs = clock.now();
  let isStopped = false;
  let wasHealthy = false;
  let failures = 0;
  let cancel: Stop = () => {};
  const probe = async () => {
    const isFine = await isHealthy(rules, port, clock);
    if (isStopped) return;
    failures = isFine ? 0 : failures + 1;
    if (isFine && !wasHealthy) healthy();
    wasHealthy ||= isFine;
    const isHung = wasHealthy ? failures >= rules.failures : clock.now() - startMs >= rules.startMs;
    if (isHung) return hung();
    cancel = clock.after(wasHealthy ? rules.everyMs : Math.min(rules.everyMs, settleMs), () => detach(probe()));
  };
  detach(probe());
  return () => {
    isStopped = true;
    cancel();
  };
}
