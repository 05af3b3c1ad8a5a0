/** What the hub counts, as plain numbers: the hot path only ever adds to them. */
export class Tally {
  delivered = 0;
  lagged = 0;
  stuck = 0;
  readonly resumes = { resumed: 0, expired: 0 };
  readonly rejected = new Map<string, number>();
}
