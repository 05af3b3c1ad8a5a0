import type { CrewStatus, Signal } from "../../client/frames.ts";

/** A crew, and since when it has been as it is. */
export interface Sighting {
  readonly crew: string;
  readonly status: CrewStatus;
  /** When this page saw it become so, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Whether it was so already when this page first looked. */
  readonly isOlder: boolean;
  /** Whatever else the crew says of itself. */
  readonly facts: readonly (readonly [string, string])[];
}

/** Signals say how crews are and not since when; so what was seen before is kept while it has not changed. */
export function sightings(
  before: ReadonlyMap<string, Sighting> | undefined,
  signals: ReadonlyMap<string, Signal>,
  nowMs: number,
): ReadonlyMap<string, Sighting> {
  const seen = [...signals].map(([crew, signal]): readonly [string, Sighting] => {
    const { status } = signal;
    const known = before?.get(crew);
    const facts = factsOf(signal);
    if (known?.status === status) return [crew, { ...known, facts }];
    return [crew, { crew, status, sinceMs: nowMs, isOlder: before === undefined, facts }];
  });
  return new Map(seen);
}

function factsOf({ status: _, crewId: __, ...rest }: Signal): (readonly [string, string])[] {
  return Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const);
}
