import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { parseSync } from "vite";

/** A source file, parsed: what it imports, and every node of its syntax tree with its line. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly nodes: readonly Node[];
}

/** One import or re-export: static, dynamic or of a type. */
export interface Import {
  /** As written: `./frame.ts`, `node:fs`, `ws`. */
  readonly from: string;
  /** The file it means, from the root of the project; undefined for a package. */
  readonly path: string | undefined;
  /** Whether it brings types only and leaves no trace at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A node of the syntax tree (ESTree with TypeScript's nodes). */
export interface Node {
  readonly type: string;
  readonly line: number;
  readonly lastLine: number;
  readonly raw: RawNode;
}

/** A node as the parser leaves it. */
export interface RawNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Reads and parses every source file below some folders of the project. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return folders.flatMap((folder) => filesBelow(join(root, folder))).map((file) => read(root, file));
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|js|mjs|svelte)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/]node_modules[\\/]/.test(file))
    .sort();
}

function read(root: string, file: string): Source {
  return parseSource(relative(root, file).replaceAll("\\", "/"), readFileSync(file, "utf8"));
}

/** Parses one source file; of a Svelte component, its scripts. Throws when it is not valid TypeScript. */
export function parseSource(path: string, text: string): Source {
  const lineOf = lineFinder(text);
  const scripts = path.endsWith(".svelte") ? scriptsIn(text) : [text];
  const nodes = scripts
    .flatMap((script) => [...walk(parsed(path, script))])
    .map((raw) => ({ type: raw.type, line: lineOf(raw.start), lastLine: lineOf(raw.end - 1), raw }));
  return { path, text, nodes, imports: nodes.flatMap((node) => importOf(path, node)) };
}

function parsed(path: string, text: string): unknown {
  const { program, errors } = parseSync(path.replace(/\.svelte$/, ".svelte.ts"), text);
  const [error] = errors;
  if (error) throw new Error(`${path}: ${error.message}`);
  return program;
}

/** The scripts of a component. Each is as long as the component: what is not in it is blank, so that its lines are right. */
function scriptsIn(text: string): string[] {
  const blank = (part: string) => part.replace(/[^\n]/g, " ");
  return [...text.matchAll(/(?<=^<script[^>]*>).*?(?=^<\/script>)/gms)].map(({ index, 0: script }) => {
    return blank(text.slice(0, index)) + script + blank(text.slice(index + script.length));
  });
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const next = starts.findIndex((start) => start > offset);
    return next === -1 ? starts.length : next;
  };
}

function* walk(value: unknown): Generator<RawNode> {
  if (Array.isArray(value)) {
    for (const item of value) yield* walk(item);
  } else if (isNode(value)) {
    yield value;
    for (const child of Object.values(value)) if (typeof child === "object") yield* walk(child);
  }
}

/** Whether a value is a node of the syntax tree. */
export function isNode(value: unknown): value is RawNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function importOf(path: string, { raw, line }: Node): Import[] {
  if (!/^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType)$/.test(raw.type)) return [];
  const { source } = raw;
  if (!isNode(source) || typeof source.value !== "string") return [];
  const from = source.value;
  const target = from.startsWith(".") ? posix.join(posix.dirname(path), from) : undefined;
  return [{ from, path: target, typeOnly: isTypeOnly(raw), line }];
}

function isTypeOnly(raw: RawNode): boolean {
  if (raw.type === "TSImportType" || raw.importKind === "type" || raw.exportKind === "type") return true;
  const { specifiers } = raw;
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false;
  return specifiers.every((one) => isNode(one) && (one.importKind === "type" || one.exportKind === "type"));
}
