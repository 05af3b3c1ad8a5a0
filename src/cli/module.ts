import * as module from "node:module";
import { pathToFileURL } from "node:url";
import { Explained, messageOf } from "./explained.ts";

let isSkeinKnown = false;

/** What a module of the user exports. Throws Explained that names the file and says what is wrong with it. */
export async function exportsOf(path: string, shown: string): Promise<Readonly<Record<string, unknown>>> {
  makeSkeinKnown();
  try {
    const exported: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
    return exported;
  } catch (thrown) {
    throw new Explained(`${shown} cannot be loaded: ${reasonOf(thrown)}`);
  }
}

/**
 * From here on `skein`, wherever it is imported, is this very program: a definition made by another copy would be another
 * thing, and whoever has Skein elsewhere needs no copy beside their streams. Deno has an import map for that.
 */
function makeSkeinKnown(): void {
  if (isSkeinKnown || "Deno" in globalThis) return;
  isSkeinKnown = true;
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const url = new URL(`../index.${ending}`, import.meta.url).href;
  module.registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "skein") return { url, shortCircuit: true };
      const found = next(specifier, context);
      // Otherwise Node guesses, and says that it does.
      const isBare = found.format == null && found.url.endsWith(".ts");
      return isBare ? { ...found, format: "module-typescript" } : found;
    },
  });
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const message = messageOf(thrown).split("\n")[0] ?? "";
  const hint = typeof code === "string" ? hints[code] : undefined;
  return hint === undefined ? message : `${message}; ${hint}`;
}

const hints: Readonly<Record<string, string>> = {
  ERR_MODULE_NOT_FOUND: 'install what it imports beside it; "skein" is there by itself, and has z of zod',
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: "TypeScript is run with its types taken away: no enums, no namespaces",
};
