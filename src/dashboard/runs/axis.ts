/** A line across a time axis. */
export interface Tick {
  /** Milliseconds since the beginning of the axis. */
  readonly atMs: number;
  readonly label: string;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** The lengths of time that people count in, from 1 ms to 100 days. */
const steps: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 5, 10, 20, 50, 100].map((n) => n * day),
];

/** Ticks at round times from the beginning of an axis, as many as there may be at the most (2 or more). */
export function ticks(lengthMs: number, most: number): Tick[] {
  const length = Math.max(0, lengthMs);
  const step = steps.find((one) => length / one < most) ?? Math.ceil(length / (most - 1) / day) * day;
  const count = Math.floor(length / step) + 1;
  return Array.from({ length: count }, (_, i) => ({ atMs: i * step, label: tickText(i * step, step) }));
}

/** A tick's time with the digits that its step needs: "0", "2.5 s", "1:30", "2 h", "1 d 6 h". */
function tickText(atMs: number, step: number): string {
  if (atMs === 0) return "0";
  if (step < second) return atMs < second ? `${atMs} ms` : `${Number((atMs / second).toFixed(3))} s`;
  if (atMs < minute) return `${atMs / second} s`;
  if (step < minute || atMs < hour) return sexagesimal(atMs);
  if (step < hour) return sexagesimal(atMs);
  if (atMs < day) return `${atMs / hour} h`;
  const hours = Math.floor((atMs % day) / hour);
  return `${Math.floor(atMs / day)} d${hours === 0 ? "" : ` ${hours} h`}`;
}

function sexagesimal(atMs: number): string {
  const seconds = String(Math.floor((atMs % minute) / second)).padStart(2, "0");
  const minutes = Math.floor((atMs % hour) / minute);
  if (atMs < hour) return `${minutes}:${seconds}`;
  return `${Math.floor(atMs / hour)}:${String(minutes).padStart(2, "0")}:${seconds}`;
}
