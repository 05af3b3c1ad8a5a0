/** Writes numbered lines to a log until it is told to end, and tells its parent how far it is. */
import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import type { Told, Writing } from "./log-writer.ts";
import { numberedLine } from "./numbered-line.ts";

/** Every so many lines, one is written in two pieces, with the cut inside a character. */
const cutEvery = 37;
const tickMs = 1;

const { path, perSecond, bytes, reopen, lateLines, areCut } = JSON.parse(process.argv[2] ?? "") as Writing;
const startedAt = performance.now();
let [number, openings, firstNumber] = [0, 0, 1];
let file = open();
let end = Number.POSITIVE_INFINITY;

function open(): number {
  openings += 1;
  firstNumber = number + 1;
  return openSync(path, "a");
}

function write(): void {
  number += 1;
  const line = Buffer.from(numberedLine(number, bytes));
  const cut = areCut && number % cutEvery === 0 ? line.length - 3 : line.length;
  writeSync(file, line, 0, cut);
  if (cut < line.length) writeSync(file, line, cut);
}

/** As servers do it: whatever is under way still goes to the old file. */
function changeFile(): void {
  for (let i = 0; i < lateLines && number < end; i++) write();
  closeSync(file);
  file = open();
  tell();
}

function isMoved(): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  return there?.ino !== fstatSync(file).ino;
}

function tell(): void {
  process.send?.({ number, openings, firstNumber, isDone: number >= end } satisfies Told);
}

function tick(): void {
  const due = Math.min(end, Math.floor(((performance.now() - startedAt) * perSecond) / 1000));
  if (reopen === "path" && isMoved()) changeFile();
  while (number < due) write();
  tell();
  if (number < end) setTimeout(tick, tickMs);
}

if (reopen === "signal") process.on("SIGHUP", changeFile);
process.on("message", (more: number) => {
  end = number + more;
});
process.on("disconnect", () => process.exit());
tick();
