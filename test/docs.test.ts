import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { knobs } from "../src/config.ts";
import { Failure, type FailureCode } from "../src/protocol/failure.ts";
import { rightsBlocks, rolesTable } from "./support/roles-table.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root }).sort();

const fence = /^```(\w*)\n(.*?)^```$/gms;

/** The code blocks of a page that are written in one language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(fence)].filter(([, name]) => name === language).map(([, , code = ""]) => code);
}

/** A page without its code, where nothing is a link or a heading. */
function prose(page: string): string {
  return read(page).replaceAll(fence, "");
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/&[a-z]+;|[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What is wrong with a link of a page, if anything. */
function faultOf(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : relative(root, join(root, dirname(page), decodeURIComponent(path)));
  if (target.startsWith("..") || !existsSync(join(root, target))) return `${page}: ${link} leads nowhere`;
  if (anchor === undefined) return undefined;
  const hasAnchor = statSync(join(root, target)).isFile() && anchors(target).includes(anchor);
  return hasAnchor ? undefined : `${page}: ${target} has no heading #${anchor}`;
}

/** A package as the lock file has it. */
interface Installed {
  readonly version: string;
  readonly license: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** Licences that ask for nothing but their own text. */
const free: ReadonlySet<string> = new Set(["(MPL-2.0 OR Apache-2.0)", "MIT", "ISC", "Apache-2.0", "Unlicense"]);

describe("The documentation", () => {
  test("has no relative link that leads nowhere", () => {
    const faults = pages.flatMap((page) =>
      [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link = ""]) => link)
        .filter((link) => !/^[a-z]+:/.test(link))
        .map((link) => faultOf(page, link))
        .filter((fault) => fault !== undefined),
    );
    expect(pages).toContain("README.md");
    expect(faults).toEqual([]);
  });

  test.each(knobs)("says in operating.md what $knob is for, its default and its variable", (info) => {
    const row = `| \`${info.knob}\` | \`${info.default}\` | \`${info.variable}\` | ${info.description} |`;
    expect(read("docs/operating.md").split("\n")).toContain(row);
  });

  test("has in operating.md the table of roles, and what a store of one's own needs, as they are in the source", () => {
    const manual = read("docs/operating.md");
    expect(manual).toContain(rolesTable().join("\n"));
    expect(manual).toContain(rightsBlocks("deploys", "hosts"));
  });

  test("says in protocol.md what every failure is, with its status and its close code", () => {
    const codes = [...read("src/protocol/failure.ts").matchAll(/^ {2}(\w+): \{ status:/gm)].map(([, code]) => code);
    expect(codes).toContain("bad_query");
    const rows = [...read("docs/protocol.md").matchAll(/^\| `(\w+)` \| (\d{3}) \| (\d{4}|–) \|/gm)];
    const found = rows.map(([, code]) => code);
    expect(found.toSorted()).toEqual(codes.toSorted());
    for (const [, code, status, close] of rows) {
      const failure = new Failure(code as FailureCode, "");
      expect([code, Number(status)]).toEqual([code, failure.status]);
      if (close !== "–") expect([code, Number(close)]).toEqual([code, failure.closeCode]);
    }
  });

  test("lists in dependencies.md what is installed, with the licence that each package has", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, Installed> };
    // A workspace is a folder of ours.
    const installed = Object.entries(packages).filter(
      ([path, { dev, link }]) => /^node_modules\//.test(path) && !dev && !link,
    );
    const rows = installed.map(([path, { version, license }]) => {
      return `| \`${path.replace(/^.*node_modules\//, "")}\` | ${version} | ${license} |`;
    });
    const listed = [...read("docs/dependencies.md").matchAll(/^\| `[^|]+\|[^|]+\|[^|]+\|/gm)].map(([row]) => row);
    expect(listed).toEqual(rows);
    expect(installed.filter(([, { license }]) => !free.has(license))).toEqual([]);
  });

  test("has a free licence for everything that the built dashboard contains", () => {
    const named = [...read("dist/dashboard/licenses.md").matchAll(/^## (\S+) - \S+ \((.+)\)$/gm)];
    expect(named.map(([, name]) => name)).toContain("svelte");
    expect(named.filter(([, , license = ""]) => !free.has(license))).toEqual([]);
  });

  test("shows only JSON that parses in protocol.md, one frame a line", () => {
    const lines = blocks("docs/protocol.md", "json").flatMap((block) => block.trim().split("\n"));
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  });

  test("shows only TypeScript that compiles in the README", () => {
    const cache = join(root, "node_modules", ".cache");
    mkdirSync(cache, { recursive: true });
    // Below node_modules, so that packages are found and nobody takes the files for ours.
    const folder = mkdtempSync(join(cache, "skein-readme-"));
    try {
      const found = blocks("README.md", "ts");
      expect(found).not.toEqual([]);
      const files = found.map((code, i) => {
        writeFileSync(join(folder, `${i}.ts`), code.replaceAll('from "./', `from "${relative(folder, root)}/`));
        return `${i}.ts`;
      });
      // Without a word about what to include it would be the whole project.
      const project = { extends: join(root, "tsconfig.json"), files, include: [] };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
      const compiler = join(root, "node_modules/typescript/bin/tsc");
      const { stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
      expect(stderr).toBe("");
      // What is wrong in src/ is another check's to say.
      expect(stdout.split("\n").filter((line) => line !== "" && !line.startsWith("src/"))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
