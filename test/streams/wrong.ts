import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import type { StoredDefinition } from "../../src/stream/define.ts";

/** A body that is right but for one field. */
export interface Wrong {
  /** The field that is wrong, as a reason names it. */
  readonly field: string;
  /** For people: what is wrong. */
  readonly what: string;
  readonly body: object;
}

interface Json {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Json[];
  readonly oneOf?: readonly Json[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly not?: object;
}

/** What may be wrong somewhere, whatever is right there. */
const candidates: readonly unknown[] = [{ a: 1 }, ["x"], "?! no such thing", "", -1, 0.5, 1e12, true, null];

/** The schema of what is published, one for each type of event. */
function variantsOf(definition: StoredDefinition): readonly Json[] {
  const schema = definition.kind === "table" ? definition.record : definition.event;
  const json: Json = JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: "input" })));
  return json.oneOf ?? [json];
}

/** A body of every type that is right, without what its subject says. */
export function rightOf(definition: StoredDefinition): readonly object[] {
  return variantsOf(definition).map((variant) => bodyOf(definition, variant));
}

/** Every body of every type with one field wrong or missing. */
export function wrongOf(definition: StoredDefinition): readonly Wrong[] {
  const free = definition.kind === "table" ? [] : ["timestamp"];
  const mayLack = new Set([...definition.subjectPattern.names, ...free]);
  return variantsOf(definition).flatMap((variant) => {
    const type = String(variant.properties?.type?.const ?? "");
    return wrongIn(variant, { right: bodyOf(definition, variant), mayLack }).map((one) => ({
      ...one,
      what: `${type} ${one.what}`.trim(),
    }));
  });
}

function wrongIn({ properties = {}, required = [] }: Json, { right, mayLack }: Right): Wrong[] {
  return Object.entries(properties).flatMap(([field, schema]) => {
    const isFit = new Ajv2020({ strict: false }).compile(schema);
    // A time that is null is as good as none.
    const bad = candidates.filter((value) => !isFit(value) && !(field === "timestamp" && value === null));
    const changed = bad.map((value) => wrong(field, JSON.stringify(value), { ...right, [field]: value }));
    const rest = Object.fromEntries(Object.entries(right).filter(([name]) => name !== field));
    const isNeeded = required.includes(field) && !mayLack.has(field);
    const lacking = isNeeded ? [wrong(field, "missing", rest)] : [];
    const inner = schema.properties ? { right: sampleOf(schema), mayLack: new Set<string>() } : undefined;
    const deeper = inner ? wrongIn(schema, inner) : [];
    const nested = deeper.map((one) => ({
      field: `${field}.${one.field}`,
      what: `${field}.${one.what}`,
      body: { ...right, [field]: one.body },
    }));
    return [...changed, ...lacking, ...nested];
  });
}

interface Right {
  readonly right: object;
  readonly mayLack: ReadonlySet<string>;
}

function wrong(field: string, what: string, body: object): Wrong {
  return { field, what: `${field} ${what}`, body };
}

function bodyOf({ subjectPattern }: StoredDefinition, variant: Json): object {
  const names = new Set(subjectPattern.names);
  return Object.fromEntries(Object.entries(sampleOf(variant)).filter(([field]) => !names.has(field)));
}

/** An object with everything in it that may be. */
function sampleOf({ properties = {} }: Json): object {
  const known = Object.entries(properties).filter(([, schema]) => !schema.not);
  return Object.fromEntries(known.map(([field, schema]) => [field, sampleValue(schema)]));
}

function sampleValue(schema: Json): unknown {
  const [first] = schema.anyOf ?? [];
  if (first) return sampleValue(first);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const types = [schema.type].flat();
  if (types.includes("object")) return sampleOf(schema);
  if (types.includes("integer") || types.includes("number")) return Math.max(1, schema.minimum ?? 1);
  return "NTLM";
}
