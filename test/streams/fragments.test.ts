import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { render, type Template } from "../../src/fragments/fragment.ts";
import { ownTemplates, templateNames } from "../../src/fragments/templates.ts";

/** Texts that would be more than text where they are not escaped. */
const hostile = fc.oneof(
  fc.constantFrom(
    ...[
      "<script>alert(1)</script>",
      '"><img src=x onerror=alert(1)>',
      "' onmouseover='x",
      "</article><b>",
      "<!--",
      "-->",
    ],
    ...["&lt;b&gt;", "&amp;", "&#60;", "]]>", "javascript:alert(1)", "=", "\n", "\t", "< b", "</", "<"],
  ),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "/", "=", " ", ";", "a", "!", "-") }),
);

const fields = ["id", "campaign_id", "attack_id", "name", "state", "message", "hash_type"] as const;

type Texts = Readonly<Record<(typeof fields)[number], string>>;

const texts: fc.Arbitrary<Texts> = fc.record({
  id: hostile,
  campaign_id: hostile,
  attack_id: hostile,
  name: hostile,
  state: hostile,
  message: hostile,
  hash_type: hostile,
});

/** What a fragment is made of: tags with the names of their attributes, and all values and texts between. */
interface Parts {
  readonly shape: readonly string[];
  readonly values: readonly string[];
}

const tag = /^<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>/;

/** Takes HTML apart as strictly as no browser does. Throws when it is anything but tags, quoted attributes and text. */
function partsOf(html: string): Parts {
  const shape: string[] = [];
  const values: string[] = [];
  let rest = html;
  while (rest !== "") {
    const found = tag.exec(rest);
    if (found) {
      const [whole, slash = "", name = "", attributes = ""] = found;
      const pairs = [...attributes.matchAll(/ ([a-z-]+)="([^"]*)"/g)];
      shape.push(`${slash}${name} ${pairs.map(([, attribute]) => attribute).join(" ")}`);
      values.push(...pairs.map(([, , value = ""]) => unescaped(value)));
      rest = rest.slice(whole.length);
    } else {
      const [text = ""] = /^[^<>"']+/.exec(rest) ?? [];
      if (text === "") throw new Error(`This is neither a tag nor text: ${rest.slice(0, 40)}`);
      shape.push("text");
      values.push(unescaped(text));
      rest = rest.slice(text.length);
    }
  }
  return { shape, values };
}

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
  "&amp;": "&",
};

function unescaped(text: string): string {
  return text.replace(/&(?:[a-z]+|#\d+);?|&/gi, (entity) => {
    const meant = entities[entity];
    if (meant === undefined) throw new Error(`An & stands for itself in ${text}`);
    return meant;
  });
}

/** Words that no hostile text has, to see where a field goes. */
function placeholders(): Texts {
  const words = fields.map((field) => [field, `(((${field})))`]);
  return Object.fromEntries(words) as Texts;
}

function filled(value: string, said: Texts): string {
  return value.replace(/\(\(\((\w+)\)\)\)/g, (_, field: keyof Texts) => said[field]);
}

function htmlOf(name: keyof typeof ownTemplates, said: Texts): string {
  const template: Template<never> = ownTemplates[name];
  const event = { type: `${name}.error`, progress: 42.5, count: 3, ...said };
  return render(name, template as Template<unknown>, event).html;
}

describe.each(templateNames)("Whatever an event says, its piece of a page by the template %s", (name) => {
  test("has the elements and attributes of the template and no other, and says what the event says", () => {
    const plain = partsOf(htmlOf(name, placeholders()));
    const property = fc.property(texts, (said) => {
      const isEmpty = fields.some((field) => said[field] === "");
      const { shape, values } = partsOf(htmlOf(name, said));
      // Where a text is empty there is none.
      if (!isEmpty) expect(shape).toEqual(plain.shape);
      else expect(shape.filter((part) => part !== "text")).toEqual(plain.shape.filter((part) => part !== "text"));
      if (!isEmpty) expect(values).toEqual(plain.values.map((value) => filled(value, said)));
    });
    fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 500) });
  });

  test("has a selector that is one string, whatever the id is", () => {
    const property = fc.property(texts, (said) => {
      const template: Template<never> = ownTemplates[name];
      const { refresh_target = '[a=""]' } = render(name, template as Template<unknown>, {
        type: `${name}.error`,
        ...said,
      });
      expect(refresh_target).toMatch(/^\[[a-z-]+="(?:[^"\\\n\r\f]|\\[0-9a-f]{1,6} )*"\]$/);
    });
    fc.assert(property);
  });
});
