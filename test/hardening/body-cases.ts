import fc from "fast-check";

/** How a body is wrong, or odd: bytes of its own, or a field put into a body that is right. */
export type BodyCase =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "field"; readonly variant: number; readonly text: string; readonly at: "first" | "last" };

const utf8 = new TextEncoder();

const numbers = fc.constantFrom(
  ...["1e999", "-1e999", "-0", "9007199254740993", "123456789012345678901234567890", "1e15", "1e-400", "1E5", "0.1"],
  ...["NaN", "Infinity", "01", "-", "1."],
);

const strings = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"\\ud800"',
    '"\\udc00x"',
    '"\\u0000"',
    '"\\u2028"',
    '"</script>"',
    '""',
    '"{[{["',
    '"\\\\"',
    '"\\""',
    '"\\x"',
  ),
  fc.constantFrom(256, 257, 4096, 4097, 20_000).map((length) => `"${"x".repeat(length)}"`),
  fc.constantFrom(1366, 2049).map((length) => `"${"é".repeat(length)}"`),
);

/** Keys that mean something to JavaScript, to a library or to a frame. */
const keys = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "toJSON", "then", "valueOf", "rawJSON", ""),
  fc.constantFrom(
    "type",
    "timestamp",
    "cursor",
    "reason",
    "name",
    "status",
    "id",
    "data",
    "params",
    "payload",
    "detail",
  ),
  fc.constantFrom("crew_id", "run_id", "task_id", "call_id", "message", "progress", "lease_s", "archived_at", "pid"),
  fc.string({ maxLength: 4, unit: "grapheme" }),
);

const depths = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(62, 63, 64, 65, 1000, 10_000));
const deep = fc.oneof(
  depths.map((depth) => "[".repeat(depth) + "]".repeat(depth)),
  depths.map((depth) => `${'{"a":'.repeat(depth)}0${"}".repeat(depth)}`),
  depths.map((depth) => "[".repeat(depth)),
);
const wide = fc
  .constantFrom(1000, 20_000)
  .chain((width) =>
    fc.constantFrom(`[${"0,".repeat(width)}0]`, `[${"1e15,".repeat(width)}0]`, `{${'"a":1,'.repeat(width)}"b":2}`),
  );

const { value: values } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { arbitrary: numbers, weight: 4 },
    { arbitrary: strings, weight: 4 },
    { arbitrary: fc.constantFrom("null", "true", "[]", "{}"), weight: 2 },
    { arbitrary: deep, weight: 3 },
    { arbitrary: wide, weight: 1 },
    { arbitrary: fc.array(tie("value"), { maxLength: 3 }).map((all) => `[${all.join()}]`), weight: 2 },
    {
      arbitrary: fc
        .array(fc.tuple(keys, tie("value")), { maxLength: 3 })
        .map((all) => `{${all.map(fieldText).join()}}`),
      weight: 3,
    },
  ),
}));

const oddBytes = fc.oneof(
  values.map((text) => utf8.encode(text)),
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom("", "NaN", "\ufeff{}", '{"a"', "{}{}", " ", "[[", "nul").map((text) => utf8.encode(text)),
  // A name that is no UTF-8.
  fc.constant(new Uint8Array([...utf8.encode('{"name":"'), 0xff, 0xc0, ...utf8.encode('"}')])),
  fc.constantFrom(256 * 1024, 1024 * 1024).map((size) => utf8.encode(`{"a":"${"x".repeat(size)}"}`)),
);

/** Bodies of every kind that a publisher may send, and none that it should. */
export const bodyCases: fc.Arbitrary<BodyCase> = fc.oneof(
  { arbitrary: oddBytes.map((bytes): BodyCase => ({ kind: "bytes", bytes })), weight: 2 },
  {
    arbitrary: fc
      .tuple(fc.nat(20), keys, values, fc.constantFrom("first" as const, "last" as const))
      .map(([variant, key, value, at]): BodyCase => ({ kind: "field", variant, text: fieldText([key, value]), at })),
    weight: 5,
  },
);

const deepest = 10_000;

/** What is tried in every run, because it has broken something or would break much. */
export const knownCases: readonly BodyCase[] = [
  field("deep", "[".repeat(deepest) + "]".repeat(deepest)),
  field("deep", `${'{"a":'.repeat(deepest)}0${"}".repeat(deepest)}`),
  field("__proto__", '{"status":"x","toJSON":1}'),
  field("then", '"\\ud800"'),
  field("big", `[${"1e15,".repeat(50_000)}1e999]`),
  field("type", '"cursor"'),
];

function field(key: string, value: string): BodyCase {
  return { kind: "field", variant: 0, text: fieldText([key, value]), at: "last" };
}

/** The bytes of a case, in a body out of some that are right. */
export function bytesOf(found: BodyCase, right: readonly object[]): Uint8Array {
  if (found.kind === "bytes") return found.bytes;
  const inner = JSON.stringify(right[found.variant % right.length]).slice(1, -1);
  const fields = found.at === "first" ? [found.text, inner] : [inner, found.text];
  return utf8.encode(`{${fields.filter((text) => text !== "").join()}}`);
}

function fieldText([key, value]: readonly [string, string]): string {
  return `${JSON.stringify(key)}:${value}`;
}
