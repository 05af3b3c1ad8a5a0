import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "skein-client");

/** Where a program lives that has installed the package: `node_modules/skein` with what is built of the browser client. */
export interface Home {
  readonly path: string;
  /** The folder of the built client. */
  readonly client: string;
}

/** The package as it is installed; built when it is not there, made of exactly the present files. */
export function packed(): Home {
  const path = join(cache, mark());
  const client = join(path, "node_modules/skein/dist/client");
  if (!existsSync(path)) build(path);
  return { path, client };
}

/** Builds beside the place, because other tests may do so at the same time. */
function build(path: string): void {
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "fresh-"));
  const out = join(fresh, "node_modules/skein/dist/client");
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts/client.mjs"), "--out", out]);
  if (status !== 0) throw new Error(`The client could not be built:\n${stdout}${stderr}`);
  cpSync(join(root, "package.json"), join(fresh, "node_modules/skein/package.json"));
  writeFileSync(join(fresh, "package.json"), '{ "private": true, "type": "module" }');
  try {
    renameSync(fresh, path);
  } catch {
    // Another test was faster, with the same files.
    rmSync(fresh, { recursive: true });
  }
}

function mark(): string {
  const hash = createHash("sha256");
  const sources = readdirSync(join(root, "src/client")).map((name) => `src/client/${name}`);
  for (const name of [...sources.sort(), "scripts/client.mjs", "tsconfig.client.json", "package.json"]) {
    hash.update(`${name}\n`).update(readFileSync(join(root, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
