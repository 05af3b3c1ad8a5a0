import { type Import, isNode, type RawNode, type Source } from "./source.ts";

/** What a rule says about a set of files: one line for each fault, with file and line number. */
export type Check = (sources: readonly Source[]) => string[];

/** Which rooms a room may open the door to; `types` may only be looked at. */
export interface Doors {
  readonly open: readonly string[];
  readonly types?: readonly string[];
}

const longestFile = 300;
const longestFunction = 40;
const emptyNames = /^(utils?|types|common|core|helpers?)$/;
const nodeOnly = /^(Buffer|process|NodeJS|__dirname|__filename|require|setImmediate|clearImmediate)$/;

/** A room is a folder of src, or a file beside them. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/.]+)/.exec(path)?.[1];
}

const inSource = ({ path }: Source) => path.startsWith("src/");
const inTests = ({ path }: Source) => path.startsWith("test/");
const at = (source: Source, line: number, fault: string) => `${source.path}:${line}: ${fault}`;

/** One line for every import that `judge` finds fault with. */
function faultyImports(
  sources: readonly Source[],
  judge: (source: Source, one: Import) => string | undefined,
): string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((one) => {
      const fault = judge(source, one);
      return fault ? [at(source, one.line, fault)] : [];
    }),
  );
}

/** Every import between rooms that the table does not allow. */
export function closedDoors(doorsOf: (room: string) => Doors | undefined): Check {
  return (sources) =>
    faultyImports(sources, (source, { path, typeOnly }) => {
      const from = roomOf(source.path);
      const to = roomOf(path ?? "");
      if (!from || !to || from === to) return undefined;
      const doors = doorsOf(from);
      if (!doors) return `the room ${from} has no row in the table of doors`;
      const forTypes = doors.types?.includes(to);
      if (doors.open.includes(to) || (typeOnly && forTypes)) return undefined;
      return `${from} must not open the door to ${to}${forTypes ? " but for types" : ""}`;
    });
}

/** Every import by which a program beside the product enters it elsewhere than by a public entry. */
export function sideDoors(entries: readonly string[]): Check {
  return (sources) => {
    const outside = sources.filter(({ path }) => /^(examples|bench)\//.test(path));
    return faultyImports(outside, (_, { path }) => {
      const isInside = path?.startsWith("src/") && !entries.includes(path);
      return isInside ? `${path} is not a public entry` : undefined;
    });
  };
}

/** Every import that closes a circle of files. */
export function cycles(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (source: Source, trail: readonly string[]) => {
    if (done.has(source.path)) return;
    for (const { path = "", line } of source.imports) {
      const way = [...trail, source.path];
      const next = byPath.get(path);
      const circle = [...way.slice(way.indexOf(path)), path].join(" → ");
      if (way.includes(path)) found.push(at(source, line, `closes ${circle}`));
      else if (next) visit(next, way);
    }
    done.add(source.path);
  };
  for (const source of sources) visit(source, []);
  return found;
}

/** Every import of a package outside the files that are its home. */
export function strayPackages(homes: Readonly<Record<string, RegExp>>): Check {
  return (sources) =>
    faultyImports(sources.filter(inSource), (source, { from }) => {
      const name = Object.keys(homes).find((home) => [home, home.replace("node:", "")].some((id) => isOf(id, from)));
      return name && !homes[name]?.test(source.path) ? `${from} has another home` : undefined;
    });
}

function isOf(name: string, from: string): boolean {
  return from === name || from.startsWith(`${name}/`);
}

/** Every file that is too long. */
export function longFiles(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const lines = source.text.trimEnd().split("\n").length;
    return lines > longestFile ? [at(source, lines, `the file has ${lines} lines, more than ${longestFile}`)] : [];
  });
}

/** Every function that is too long. */
export function longFunctions(sources: readonly Source[]): string[] {
  // A test file is a list of sentences; its `describe` blocks are chapters, not functions.
  return sources
    .filter((source) => !inTests(source))
    .flatMap((source) =>
      source.nodes
        .filter(({ type }) => /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type))
        .map(({ line, lastLine }) => ({ line, lines: lastLine - line + 1 }))
        .filter(({ lines }) => lines > longestFunction)
        .map(({ line, lines }) => at(source, line, `the function has ${lines} lines, more than ${longestFunction}`)),
    );
}

/** Every file or folder whose name says nothing about what is in it. */
export function emptyWords(sources: readonly Source[]): string[] {
  return sources.filter(inSource).flatMap((source) => {
    const word = source.path.split("/").find((part) => emptyNames.test(part.replace(/\..*$/, "")));
    return word ? [at(source, 1, `"${word}" names nothing; call it after what is in it`)] : [];
  });
}

/** One line for every node of src that `judge` finds fault with. */
function faultyNodes(sources: readonly Source[], judge: (raw: RawNode) => string | undefined): string[] {
  return sources.flatMap((source) =>
    source.nodes.flatMap((node) => {
      const fault = judge(node.raw);
      return fault ? [at(source, node.line, fault)] : [];
    }),
  );
}

/** Every place but src/config.ts that reads the environment. */
export function strayEnvironment(sources: readonly Source[]): string[] {
  const others = sources.filter((source) => inSource(source) && source.path !== "src/config.ts");
  return faultyNodes(others, (raw) => {
    const { object, property, init, id, source } = raw;
    const read = raw.type === "MemberExpression" && isNamed(property, "env") && isProcess(object);
    const taken = raw.type === "VariableDeclarator" && isProcess(init) && takesEnv(id);
    const imported =
      raw.type === "ImportDeclaration" && isNode(source) && /^(node:)?process$/.test(String(source.value));
    return read || taken || imported ? "only src/config.ts reads the environment" : undefined;
  });
}

function takesEnv(pattern: unknown): boolean {
  if (!isNode(pattern) || !Array.isArray(pattern.properties)) return false;
  return pattern.properties.some((one) => isNode(one) && (one.type === "RestElement" || isNamed(one.key, "env")));
}

function isProcess(value: unknown): boolean {
  return isNamed(value, "process") || (isNode(value) && isNamed(value.property, "process"));
}

function isNamed(value: unknown, name: string): boolean {
  return isNode(value) && (value.name === name || value.value === name);
}

/** Every re-export of all of another file, but for public entries. */
export function barrels(entries: readonly string[]): Check {
  return (sources) => {
    const others = sources.filter((source) => inSource(source) && !entries.includes(source.path));
    return faultyNodes(others, ({ type }) =>
      type === "ExportAllDeclaration" ? "export * hides where a name lives" : undefined,
    );
  };
}

/** Everything in src/protocol that a browser does not have. */
export function nodeInProtocol(sources: readonly Source[]): string[] {
  const protocol = sources.filter(({ path }) => path.startsWith("src/protocol/"));
  const imported = faultyImports(protocol, (_, { from, path }) => (path ? undefined : `a browser has no ${from}`));
  const named = faultyNodes(protocol, ({ type, name }) => {
    return type === "Identifier" && nodeOnly.test(String(name)) ? `a browser has no ${name}` : undefined;
  });
  return [...imported, ...named];
}
