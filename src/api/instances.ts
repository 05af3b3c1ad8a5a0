import { createHash } from "node:crypto";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import { foreignOrigin, isSameOrigin } from "../auth/origin.ts";
import type { Principal } from "../auth/principal.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { Failure } from "../protocol/failure.ts";
import type { Command, CommandAnswer, CommandRequest } from "../protocol/instance.ts";
import { flag, parseQuery } from "../stream/query.ts";
import { parseBody } from "./body.ts";
import { instanceName } from "./name.ts";

const listQuery = z.strictObject({ include_archived: flag(false) });
const deleteQuery = z.strictObject({ force: flag(false) });
const params = z.record(z.string(), z.string());

const newInstance = z.strictObject({
  name: instanceName,
  template: z.string().min(1, "must not be empty"),
  params: params.exactOptional(),
  node: z.string().min(1, "must not be empty").exactOptional(),
});

const copy = z.strictObject({ as: instanceName, params: params.exactOptional() });

/** Commands that are a path and nothing else. */
const plainCommands = ["start", "stop", "restart", "archive", "unarchive"] as const satisfies readonly Command[];

/** The longest `Idempotency-Key`. */
const longestKey = 256;

const noCache = { "Cache-Control": "no-cache" };

/** `/api/instances`: the list, an instance, and every command. */
export function instanceRoutes(parts: InstanceParts): Hono {
  const { fleet } = parts;
  const routes = new Hono()
    .on(["POST", "DELETE"], "/*", sameOrigin)
    .get("/", (context) => list(parts, context))
    .post("/", (context) => create(parts, context))
    .get("/:name", async (context) => {
      return context.json(await fleet.get(orgOf(parts, context), context.req.param("name")), 200, noCache);
    })
    .delete("/:name", (context) => remove(parts, context, context.req.param("name")))
    .post("/:name/clone", (context) => clone(parts, context, context.req.param("name")));
  for (const command of plainCommands) {
    routes.post(`/:name/${command}`, async (context) => {
      const request = requestOf(context, command, context.req.param("name"));
      const { instance } = await fleet.command(orgOf(parts, context), request);
      return context.json(instance, 202, noCache);
    });
  }
  return routes;
}

export interface InstanceParts {
  readonly fleet: Fleet;
  /** Who asks. */
  readonly identify: (headers: Headers) => Principal;
  readonly maxBodyBytes: number;
}

const sameOrigin: MiddlewareHandler = async ({ req }, next) => {
  if (!isSameOrigin(req.raw.headers)) throw foreignOrigin();
  await next();
};

function orgOf({ identify }: InstanceParts, { req }: Context): string {
  return identify(req.raw.headers).org;
}

async function list(parts: InstanceParts, context: Context): Promise<Response> {
  const query = parseQuery(listQuery, new URL(context.req.url).searchParams);
  const rows = await parts.fleet.list(orgOf(parts, context));
  const instances = query.include_archived ? rows : rows.filter(({ archived_at }) => archived_at === null);
  const body = JSON.stringify({ instances });
  const headers = { ...noCache, ETag: `"${createHash("sha1").update(body).digest("base64url")}"` };
  if (isKnown(context.req.header("if-none-match"), headers.ETag)) return context.body(null, 304, headers);
  return context.body(body, 200, { ...headers, "Content-Type": "application/json; charset=utf-8" });
}

/** Whether the client has that body; a proxy that compressed it may have weakened the tag (RFC 9110, section 13.1.2). */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}

async function create(parts: InstanceParts, context: Context): Promise<Response> {
  const { name, node, ...rest } = await parseBody(newInstance, context, parts.maxBodyBytes);
  const request = { ...requestOf(context, "create", name), ...rest };
  return created(context, await parts.fleet.create(orgOf(parts, context), request, node));
}

async function clone(parts: InstanceParts, context: Context, name: string): Promise<Response> {
  const wanted = await parseBody(copy, context, parts.maxBodyBytes);
  const request = { ...requestOf(context, "clone", name), ...wanted };
  return created(context, await parts.fleet.command(orgOf(parts, context), request));
}

async function remove(parts: InstanceParts, context: Context, name: string): Promise<Response> {
  const { force } = parseQuery(deleteQuery, new URL(context.req.url).searchParams);
  const request = requestOf(context, "delete", name);
  const org = orgOf(parts, context);
  await (force ? parts.fleet.forceDelete(org, request) : parts.fleet.command(org, request));
  return context.body(null, 204, noCache);
}

/** A command about an instance, under the key that makes a repetition harmless. */
function requestOf<Said extends Command>(
  { req }: Context,
  command: Said,
  name: string,
): CommandRequest & { readonly command: Said } {
  const key = req.header("idempotency-key");
  if (key === undefined) return { command, name };
  if (key.length > 0 && key.length <= longestKey) return { command, name, id: key };
  throw new Failure("bad_request", `The header "Idempotency-Key" must have 1 to ${longestKey} characters`);
}

function created(context: Context, { instance, duplicate }: CommandAnswer): Response {
  const headers = { ...noCache, Location: `/api/instances/${encodeURIComponent(instance?.name ?? "")}` };
  return context.json(instance, duplicate ? 200 : 201, headers);
}
