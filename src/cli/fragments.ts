import { readdir } from "node:fs/promises";
import { parse, resolve } from "node:path";
import type { Template } from "../fragments/fragment.ts";
import { ownTemplates, type Templates, templateNames, tryTemplate } from "../fragments/templates.ts";
import { Explained, messageOf } from "./explained.ts";
import { exportsOf } from "./module.ts";

const extensions: ReadonlySet<string> = new Set([".js", ".mjs", ".ts", ".mts"]);

/**
 * The templates of fragments: the product's own, but for those that a folder has a module for, `attack.js` say.
 *
 * Throws Explained when the folder cannot be read, when a module there is the template of nothing, and when one is broken:
 * each is tried before anybody needs it.
 */
export async function loadTemplates(folder: string | undefined): Promise<Templates> {
  if (folder === undefined) return ownTemplates;
  let templates = ownTemplates;
  for (const file of await modulesIn(folder)) {
    const name = nameOf(file, folder);
    templates = { ...templates, [name]: await load(name, resolve(folder, file)) };
  }
  return templates;
}

async function modulesIn(folder: string): Promise<readonly string[]> {
  try {
    const files = await readdir(folder);
    return files.filter((file) => extensions.has(parse(file).ext)).toSorted();
  } catch (thrown) {
    throw new Explained(`The folder of fragments, ${folder}, cannot be read: ${messageOf(thrown)}`);
  }
}

function nameOf(file: string, folder: string): keyof Templates {
  const name = templateNames.find((known) => known === parse(file).name);
  if (name !== undefined) return name;
  throw new Explained(
    `${file} in ${folder} is the template of nothing: there are ${templateNames.join(", ")}. ` +
      "Put modules that templates import into a folder below.",
  );
}

async function load(name: keyof Templates, file: string): Promise<Template<unknown>> {
  const { default: template } = await exportsOf(file, file);
  if (!isTemplate(template)) throw new Explained(`${file} is no template: its default export must be a function`);
  try {
    tryTemplate(name, template);
    return template;
  } catch (thrown) {
    throw new Explained(`${file} cannot be used. ${messageOf(thrown)}`);
  }
}

/** What a function gives is looked at whenever it is called. */
function isTemplate(value: unknown): value is Template<unknown> {
  return typeof value === "function";
}
