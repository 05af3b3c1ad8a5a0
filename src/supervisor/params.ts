import { Failure } from "../protocol/failure.ts";
import { type InstanceRecord, isPlainName } from "../protocol/instance.ts";
import { echoed } from "../protocol/limits.ts";
import { fill } from "./placeholder.ts";
import { isMatch, type Template } from "./template.ts";

type Params = Readonly<Record<string, string>>;

/**
 * The value of every parameter of a template: what was given, else its default.
 *
 * Throws `bad_request` that names the parameter which is unknown, missing or not what its pattern allows.
 */
export function paramsOf(template: Template, given: Params): Params {
  const names = Object.keys(template.params);
  const known = names.length === 0 ? "there are none" : `there are ${names.join(", ")}`;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(template.params, name)) {
      throw new Failure(
        "bad_request",
        `There is no parameter ${JSON.stringify(echoed(name))} in this template; ${known}`,
      );
    }
  }
  return Object.fromEntries(names.map((name) => [name, chosen(template, name, given)]));
}

function chosen({ params }: Template, name: string, given: Params): string {
  const param = params[name];
  const value = Object.hasOwn(given, name) ? given[name] : param?.default;
  if (value === undefined) throw new Failure("bad_request", `Parameter "${name}" is missing`);
  if (value.includes("\0") || !isMatch(param?.pattern ?? "", value)) {
    throw new Failure("bad_request", `Parameter "${name}" must match ${param?.pattern}`);
  }
  return value;
}

/** What to run, with nothing left to replace. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * The command of an instance. A value never becomes more than one argument.
 *
 * Parameters are checked here, where they are used, by what the template allows now; those that it no longer has are left
 * out. Throws `bad_request` that names a parameter which is missing or not allowed, or the name when that is no plain one.
 */
export function commandLineOf(template: Template, record: InstanceRecord): CommandLine {
  const { command, args, env, cwd } = template;
  const { name, node, port } = record;
  if (!isPlainName(name)) throw new Failure("bad_request", `${JSON.stringify(echoed(name))} is no name of an instance`);
  const given = Object.entries(record.params).filter(([param]) => Object.hasOwn(template.params, param));
  const params = Object.entries(paramsOf(template, Object.fromEntries(given)));
  const values = new Map([...params, ["name", name] as const, ["node", node] as const]);
  if (port !== null) values.set("port", String(port));
  const filled = Object.entries(env).map(([key, value]) => [key, fill(value, values)]);
  return {
    command,
    args: args.map((arg) => fill(arg, values)),
    env: Object.fromEntries(filled),
    cwd: fill(cwd, values),
  };
}
