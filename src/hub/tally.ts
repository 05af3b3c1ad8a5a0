import { Latency } from "../metrics/latency.ts";
import type { Report } from "../protocol/background.ts";

/** What the hub counts, as plain numbers: the hot path only ever adds to them. */
export class Tally {
  delivered = 0;
  lagged = 0;
  stuck = 0;
  readonly resumes = { resumed: 0, expired: 0 };
  /** By the path of the stream. */
  readonly rejected = new Map<string, number>();
  /** From when the first message of a turn was read to when its frames were handed to every socket. */
  readonly latency: Latency;
  /** Takes an exception that no request can answer for, and counts it for the whole gateway. */
  readonly report: Report;

  constructor({ stopwatch, report }: TallyParts) {
    this.latency = new Latency(stopwatch);
    this.report = report;
  }

  /** The sum of several. */
  static sum(tallies: readonly Tally[]): Counts {
    const rejected = new Map<string, number>();
    for (const tally of tallies)
      for (const [path, count] of tally.rejected) rejected.set(path, (rejected.get(path) ?? 0) + count);
    const total = (count: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + count(tally), 0);
    return {
      delivered: total(({ delivered }) => delivered),
      lagged: total(({ lagged }) => lagged),
      stuck: total(({ stuck }) => stuck),
      resumes: {
        resumed: total(({ resumes }) => resumes.resumed),
        expired: total(({ resumes }) => resumes.expired),
      },
      rejected,
    };
  }
}

/** What was counted, at one moment. */
export interface Counts extends Readonly<Omit<Tally, "latency" | "report" | "resumes" | "rejected">> {
  readonly resumes: Readonly<Tally["resumes"]>;
  readonly rejected: ReadonlyMap<string, number>;
}

interface TallyParts {
  /** A steady time in milliseconds, with fractions. */
  readonly stopwatch: () => number;
  readonly report: Report;
}

/** How many orgs are counted apart; subjects of the bus may name any number. */
const mostOrgs = 10_000;

/** A tally for each org, and one for all that are too many; the numbers only ever grow, so none is forgotten. */
export class Tallies {
  readonly #parts: TallyParts;
  readonly #byOrg = new Map<string, Tally>();
  readonly #others: Tally;

  constructor(parts: TallyParts) {
    this.#parts = parts;
    this.#others = new Tally(parts);
  }

  of(org: string): Tally {
    const known = this.#byOrg.get(org);
    if (known) return known;
    if (this.#byOrg.size >= mostOrgs) return this.#others;
    const tally = new Tally(this.#parts);
    this.#byOrg.set(org, tally);
    return tally;
  }

  get all(): readonly Tally[] {
    return [...this.#byOrg.values(), ...(this.#byOrg.size < mostOrgs ? [] : [this.#others])];
  }
}
