const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** A length of time in words as short as its size allows: "840 ms", "2.3 s", "4 min 05 s", "3 h 20 min". */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1000) return `${whole} ms`;
  if (whole < 9950) return `${(whole / 1000).toFixed(1)} s`;
  const seconds = Math.round(whole / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.floor(whole / minuteMs);
  if (whole < 48 * hourMs) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
  return `${Math.floor(whole / (24 * hourMs))} days`;
}

/** The time of day, with milliseconds, of a timestamp; the timestamp itself when it is none. */
export function clockText(timestamp: string): string {
  const ms = Date.parse(timestamp);
  if (Number.isNaN(ms)) return timestamp;
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  return `${parts.join(":")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, "0");
}
