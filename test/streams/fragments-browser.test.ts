import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { render, type Template } from "../../src/fragments/fragment.ts";
import { ownTemplates, templateNames } from "../../src/fragments/templates.ts";
import { startChromium } from "../support/chromium.ts";

let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await startChromium();
  page = await browser.newPage();
});

afterAll(() => browser?.close());

const attacks = [
  "<script>document.title='owned'</script>",
  "\"><img src=x onerror=document.title='owned'>",
  "' onmouseover='document.title=1",
  "<svg/onload=document.title='owned'>",
  "</article></div><b>",
  "<!--",
  "&lt;b&gt;",
  "&quot;onclick=1",
];

const text = fc.oneof(
  fc.constantFrom(...attacks),
  fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "/", "=", " ", ";", "a", "!", "-", "`"), minLength: 1 }),
);

const words = ["id", "campaign_id", "attack_id", "name", "state", "message", "hash_type"];
const said = fc.array(text, { minLength: words.length, maxLength: words.length });

/** What the page does: tags with the names of their attributes, the text, and how much the selector finds. */
const script = `(all) => all.map(({ html, target }) => {
  document.body.innerHTML = html;
  const elements = [...document.body.querySelectorAll("*")];
  const tags = elements.map((one) => [one.localName, ...one.getAttributeNames()].join(" "));
  return { tags, text: document.body.textContent, found: document.querySelectorAll(target).length };
})`;

interface Looked {
  readonly tags: readonly string[];
  readonly text: string;
  readonly found: number;
}

/** What Chromium makes of pieces. */
function look(pieces: readonly { html: string; target: string }[]): Promise<readonly Looked[]> {
  return page.evaluate(`(${script})(${JSON.stringify(pieces)})`);
}

test.each(templateNames)(
  "A browser makes of the template %s the same elements whatever an event says, and its text is what was said",
  async (name) => {
    const template: Template<never> = ownTemplates[name];
    const pieceOf = (texts: readonly string[]) => {
      const fields = Object.fromEntries(words.map((word, i) => [word, texts[i] ?? ""]));
      const event = { type: `${name}.error`, progress: 42, count: 3, ...fields };
      const { html, refresh_target } = render(name, template as Template<unknown>, event);
      return { html, target: refresh_target ?? ".toast" };
    };
    const marks = words.map((word) => `(((${word})))`);
    const [plain] = await look([pieceOf(marks)]);
    const samples = fc.sample(said, 300);
    const seen = await look(samples.map(pieceOf));
    for (const [i, { tags, text: shown, found }] of seen.entries()) {
      expect(tags).toEqual(plain?.tags);
      const meant = plain?.text.replace(
        /\(\(\((\w+)\)\)\)/g,
        (_: string, word: string) => samples[i]?.[words.indexOf(word)] ?? "",
      );
      expect(shown).toBe(meant);
      expect(found).toBe(1);
    }
    expect(await page.title()).toBe("");
  },
);
