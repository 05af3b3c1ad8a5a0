const units = ["B", "KB", "MB", "GB", "TB"] as const;

/** Bytes as people read them, in steps of 1,024: "1.4 MB". */
export function bytesText(bytes: number): string {
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const size = bytes / 1024 ** step;
  return `${step === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[step]}`;
}

/** A count with its thousands apart. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en");
}

/** A rate or a small number: whole when it is large. */
export function rateText(rate: number): string {
  return rate === 0 || rate >= 10 ? countText(rate) : rate.toFixed(1);
}

/** Milliseconds as people read them: "0.42 ms", "12 ms", "1.3 s". */
export function durationText(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}
