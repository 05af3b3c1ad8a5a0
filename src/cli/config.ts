import pc from "picocolors";
import { displayValue, knobs, type Loaded } from "../config.ts";
import type { OwnStream } from "./own-streams.ts";

/** Settings, and the user's own streams. */
interface Shown extends Loaded {
  readonly own: readonly OwnStream[];
}

/** Prints every setting with its value and where it came from; secrets are masked. */
export function printConfig({ config, origin, own }: Shown, form: "table" | "json"): void {
  const found = own.map(({ definition: { path, kind, description }, origin: from }) => ({
    path,
    kind,
    description,
    from,
  }));
  const rows = knobs.map(({ knob, variable, flag, description }) => ({
    knob,
    value: displayValue(config[knob]),
    origin: origin[knob],
    variable,
    flag,
    description,
    ...(knob === "streams" && { found }),
  }));
  if (form === "json") return console.log(JSON.stringify(rows, null, 2));
  const width = (texts: string[]) => Math.max(...texts.map(({ length }) => length)) + 2;
  const names = width(rows.map(({ knob }) => knob));
  const values = width(rows.map(({ value }) => value));
  for (const { knob, value, origin: from, description } of rows) {
    const said = from === "default" ? pc.dim(from) : pc.green(from);
    console.log(`${pc.bold(knob.padEnd(names))}${value.padEnd(values)}${said}`);
    console.log(`${" ".repeat(names)}${pc.dim(description)}`);
    if (knob === "streams")
      for (const { path, from: where } of found) console.log(`${" ".repeat(names)}${path} (${where})`);
  }
}
