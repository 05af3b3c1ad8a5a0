import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Context, Handler } from "hono";
import { getMimeType } from "hono/utils/mime";
import { Failure } from "../protocol/failure.ts";

/** Files with a hash of their content in their name never change. */
const forEver = "public, max-age=31536000, immutable";
const askAgain = "no-cache";
const isHashed = /^assets\//;
const isText = /^(?:text\/|application\/(?:javascript|json)|image\/svg)/;

/** A file in one encoding: its bytes, and their name (RFC 9110, 8.8.3). */
interface Form {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

interface Page {
  readonly type: string;
  readonly cacheControl: string;
  readonly plain: Form;
  readonly zipped: Form | undefined;
}

/**
 * The pages of a folder that `npm run build` has made, read at the first request and kept in memory.
 *
 * What is not in the folder is left to the next handler. `/` without a folder is refused with `not_found`, in words that
 * say how to make it.
 */
export function siteIn(folder: string): Handler {
  let pages: ReadonlyMap<string, Page> | undefined;
  return async (call, next) => {
    pages ??= await read(folder);
    const path = call.req.path.slice(1) || "index.html";
    const page = pages?.get(path);
    if (page) return answer(call, page);
    if (path === "index.html") throw new Failure("not_found", 'The dashboard is not built yet: run "npm run build"');
    return next();
  };
}

async function read(folder: string): Promise<ReadonlyMap<string, Page> | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => undefined);
  const paths = entries?.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
  if (paths === undefined) return undefined;
  const files = paths.map(async (entry) => {
    const file = join(entry.parentPath, entry.name);
    const path = relative(folder, file).replaceAll("\\", "/");
    return [path, await pageOf(path, new Uint8Array(await readFile(file)))] as const;
  });
  return new Map(await Promise.all(files));
}

async function pageOf(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<Page> {
  const type = getMimeType(path) ?? "application/octet-stream";
  const zipped = isText.test(type) ? new Uint8Array(await promisify(gzip)(bytes)) : undefined;
  return {
    type,
    cacheControl: isHashed.test(path) ? forEver : askAgain,
    plain: formOf(bytes),
    zipped: zipped && zipped.length < bytes.length ? formOf(zipped) : undefined,
  };
}

function formOf(bytes: Uint8Array<ArrayBuffer>): Form {
  return { bytes, etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"` };
}

function answer({ req }: Context, { type, cacheControl, plain, zipped }: Page): Response {
  const takesZipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(req.header("accept-encoding") ?? "");
  const { bytes, etag } = (takesZipped && zipped) || plain;
  const headers = {
    "Content-Type": type,
    "Cache-Control": cacheControl,
    ETag: etag,
    ...(zipped ? { Vary: "Accept-Encoding" } : {}),
  };
  if (names(req.header("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  const encoding = bytes === zipped?.bytes ? { "Content-Encoding": "gzip" } : {};
  const length = { "Content-Length": String(bytes.length) };
  return new Response(bytes, { headers: { ...headers, ...encoding, ...length } });
}

/** Whether a list of tags names that one; compared weakly, as RFC 9110, 13.1.2 wants it. */
function names(list: string | undefined, etag: string): boolean {
  const tags = (list ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
