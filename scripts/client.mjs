// node scripts/client.mjs [--out FOLDER] builds the browser client: one file, others beside it for what few need, and types.
// node scripts/client.mjs --check [FILE] builds nothing and says whether the one file is small and stands alone.
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build, parseSync, Visitor } from "vite";
import { root } from "./dependencies.mjs";
import { Fault, main } from "./fault.mjs";

/** How large the one file may be, as a web server sends it. */
const mostBytes = 8192;

/** What is loaded only when it is asked for, and what has an entry of its own. */
const entries = ["tabs", "crew", "react", "svelte", "fragments"];
/** Entries that others leave outside, as they are called when they are built. */
const outside = new Map(["index", "tabs"].map((name) => [join(root, `src/client/${name}.ts`), `./${name}.js`]));
const options = /** @type {const} */ ({ out: { type: "string", default: "dist/client" }, check: { type: "boolean" } });
/** Packages that are in the entry that needs them: a page has no other way to them. */
const inside = new Set(["dompurify"]);
const nodeOnly = new Set(["process", "Buffer", "require", "__dirname", "__filename", "setImmediate"]);

await main(async () => {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [file = "src/client/index.ts"] = positionals;
  if (values.check) return check(await bundle(resolve(root, file)));
  const folder = resolve(root, values.out);
  writeTypes(folder);
  await writeBundles(folder);
});

/**
 * Says how large the one file is. Throws Fault when it is too large or does not stand alone.
 *
 * @param {{ code: string }} chunk
 */
function check({ code }) {
  const { length } = gzipSync(code, { level: 9 });
  const faults = [...new Set(foreign(code))].map((name) => `it needs ${name}`);
  if (length > mostBytes) faults.push(`it has ${length - mostBytes} bytes more than ${mostBytes}`);
  console.log(`skein/client: ${length} bytes gzipped of ${mostBytes}, ${code.length} minified`);
  if (faults.length > 0) throw new Fault(`the browser client must be one small file for itself: ${faults.join("; ")}`);
}

/**
 * What a file needs that is not in it, and that not every page, Node and Deno have; but for what it loads when it is asked for.
 *
 * @param {string} code
 * @returns {string[]}
 */
function foreign(code) {
  /** @type {string[]} */
  const found = [];
  /** @param {string} name */
  const imported = (name) => name !== "./tabs.js" && found.push(name);
  /** @param {{ source: { value?: unknown } | null }} node */
  const named = ({ source }) => source && imported(String(source.value));
  const visitor = new Visitor({
    ImportDeclaration: named,
    ExportNamedDeclaration: named,
    ExportAllDeclaration: named,
    ImportExpression: ({ source }) => imported(code.slice(source.start + 1, source.end - 1)),
    Identifier: ({ name }) => nodeOnly.has(name) && found.push(name),
    Literal: ({ value }) => isBuiltin(value) && found.push(String(value)),
  });
  visitor.visit(parseSync("index.js", code).program);
  return found;
}

/** @param {unknown} value */
function isBuiltin(value) {
  return typeof value === "string" && value.startsWith("node:") && builtinModules.includes(value.slice("node:".length));
}

/** @param {string} folder */
async function writeBundles(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["index", ...entries]) {
    const { code, map } = await bundle(join(root, `src/client/${name}.ts`));
    writeFileSync(join(folder, `${name}.js`), `${code}\n//# sourceMappingURL=${name}.js.map\n`);
    writeFileSync(join(folder, `${name}.js.map`), JSON.stringify(map));
  }
}

/**
 * One entry and everything that it imports, minified. Other entries stay outside, and so do packages, but for those that are to be inside.
 *
 * @param {string} input
 */
async function bundle(input) {
  const result = await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins: [{ name: "one-file", enforce: "pre", resolveId: leaveOutside(input) }],
    build: {
      write: false,
      sourcemap: "hidden",
      target: "es2022",
      lib: { entry: input, formats: ["es"] },
      rolldownOptions: {
        output: { minify: true, codeSplitting: false, comments: { legal: true, annotation: false, jsdoc: false } },
      },
    },
  });
  const output = Array.isArray(result) ? result[0]?.output : "output" in result ? result.output : undefined;
  if (!output) throw new Fault(`nothing came of ${input}`);
  return output[0];
}

/**
 * @param {string} input
 * @returns {(id: string, importer?: string) => { id: string, external: true } | null}
 */
function leaveOutside(input) {
  return (id, importer) => {
    if (!importer) return null;
    const isInside = inside.has(id) || [...inside].some((name) => importer.includes(`/node_modules/${name}/`));
    if (isInside) return null;
    if (!id.startsWith(".")) return { id, external: true };
    const file = resolve(dirname(importer), id);
    const name = file === input ? undefined : outside.get(file);
    return name ? { id: name, external: true } : null;
  };
}

/**
 * The types of every entry. They name one another as JavaScript, which any compiler understands.
 *
 * @param {string} folder
 */
function writeTypes(folder) {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const emit = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", folder];
  const args = [compiler, "-p", join(root, "tsconfig.client.json"), ...emit];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Fault("the types of the browser client could not be made; what is wrong is above");
  for (const name of globSync("*.d.ts", { cwd: folder })) {
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(/(from|import\()(\s*"\.\/[\w-]+)\.ts"/g, '$1$2.js"'));
  }
}
