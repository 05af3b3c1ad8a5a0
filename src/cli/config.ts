import pc from "picocolors";
import { displayValue, knobs, type Loaded } from "../config.ts";

/** Prints every setting with its value and where it came from; secrets are masked. */
export function printConfig({ config, origin }: Loaded, form: "table" | "json"): void {
  const rows = knobs.map(({ knob, variable, flag, description }) => ({
    knob,
    value: displayValue(config[knob]),
    origin: origin[knob],
    variable,
    flag,
    description,
  }));
  if (form === "json") return console.log(JSON.stringify(rows, null, 2));
  const width = (texts: string[]) => Math.max(...texts.map(({ length }) => length)) + 2;
  const names = width(rows.map(({ knob }) => knob));
  const values = width(rows.map(({ value }) => value));
  for (const { knob, value, origin: from, description } of rows) {
    const said = from === "default" ? pc.dim(from) : pc.green(from);
    console.log(`${pc.bold(knob.padEnd(names))}${value.padEnd(values)}${said}`);
    console.log(`${" ".repeat(names)}${pc.dim(description)}`);
  }
}
