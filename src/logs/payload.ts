import { Buffer } from "node:buffer";
import { endOf, type LogBacklog, type LogBytes, type LogReading, type LogStep } from "../protocol/log.ts";

/** A NATS server takes messages of a MiB, subject and headers not counted, unless it is told otherwise. */
const longestStep = 1_000_000;
const longestAnswer = 768 * 1024;

/** A step as JSON. Its lines are withheld when they are too long for one message; a redaction can make them so. */
export function stepText(step: LogStep): string {
  const text = JSON.stringify(step);
  if (text.length * 3 <= longestStep || Buffer.byteLength(text) <= longestStep || "rotated" in step) return text;
  return JSON.stringify({ ...step, lines: [`[${step.lines.length} lines withheld: too long for one message]`] });
}

/** The answer to `after`, or as much of it as fits; then it is not whole. */
export function encodeReading(reading: LogReading): Buffer {
  if ("lost" in reading) return encode(reading);
  const { steps, whole } = reading;
  const texts = steps.map(stepText);
  const kept = countFitting(texts);
  const last = steps[kept - 1];
  const isAll = kept === steps.length;
  const place = isAll || !last ? reading.place : endOf(last);
  const rest = JSON.stringify({ place, whole: whole && isAll }).slice(1);
  return Buffer.from(`{"steps":[${texts.slice(0, kept).join()}],${rest}`);
}

/** The answer to `backlog`, or the newest of its lines that fit. */
export function encodeBacklog(backlog: LogBacklog): Buffer {
  if ("lost" in backlog) return encode(backlog);
  const texts = backlog.lines.map((line) => JSON.stringify(line)).reverse();
  const kept = texts.slice(0, countFitting(texts)).reverse();
  return Buffer.from(`{"lines":[${kept.join()}],"place":${JSON.stringify(backlog.place)}}`);
}

/** The answer to `bytes`. */
export function encodeBytes(head: LogBytes, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

export function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** How many of the first texts fit into one answer; one always does. */
function countFitting(texts: readonly string[]): number {
  let bytes = 0;
  const beyond = texts.findIndex((text, i) => {
    bytes += Buffer.byteLength(text) + 1;
    return i > 0 && bytes > longestAnswer;
  });
  return beyond < 0 ? texts.length : beyond;
}
