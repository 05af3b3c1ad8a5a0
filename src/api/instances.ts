import { createHash } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Fleet } from "../fleet/fleet.ts";
import { Failure } from "../protocol/failure.ts";
import type { Command, CommandAnswer, CommandRequest } from "../protocol/instance.ts";
import { echoed, identifierLengthMax } from "../protocol/limits.ts";
import { reaches, requireName } from "../stream/access.ts";
import { flag, parseQuery } from "../stream/query.ts";
import { freeText, identifier } from "../stream/texts.ts";
import { parseBody } from "./body.ts";
import type { Admitted, Call } from "./entrance.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import { instanceName } from "./name.ts";

const listQuery = z.strictObject({ include_archived: flag(false) });
const deleteQuery = z.strictObject({ force: flag(false) });
const params = z.record(identifier, freeText);

const newInstance = z.strictObject({
  name: instanceName,
  template: identifier.min(1, "must not be empty"),
  params: params.exactOptional(),
  node: identifier.min(1, "must not be empty").exactOptional(),
});

const copy = z.strictObject({ as: instanceName, params: params.exactOptional() });

/** Commands that are a path and nothing else. */
const plainCommands = ["start", "stop", "restart", "archive", "unarchive"] as const satisfies readonly Command[];

/** Which field of a row names the instance. */
const names = { instances: ["name"] };

const noCache = { "Cache-Control": "no-cache" };

/** `/api/instances`: the list, an instance, and every command. */
export function instanceRoutes(parts: InstanceParts): Hono<Admitted> {
  const { fleet } = parts;
  const routes = new Hono<Admitted>()
    .get("/", (call) => list(parts, call))
    .post("/", (call) => create(parts, call))
    .get("/:name", async (call) => {
      const { org, name } = named(call);
      return call.json(await fleet.get(org, name), 200, noCache);
    })
    .delete("/:name", (call) => remove(parts, call))
    .post("/:name/clone", (call) => clone(parts, call));
  for (const command of plainCommands) {
    routes.post(`/:name/${command}`, async (call) => {
      const { org, name } = named(call);
      const { instance } = await fleet.command(org, requestOf(call, command, name));
      return call.json(instance, 202, noCache);
    });
  }
  return routes;
}

export interface InstanceParts {
  readonly fleet: Fleet;
  readonly maxBodyBytes: number;
}

/** The instance that an address names, and its org. Throws `forbidden`, `instance_not_found`. */
function named({ req, var: { principal } }: Call): { readonly org: string; readonly name: string } {
  const name = req.param("name") ?? "";
  requireName(principal, "instances", name);
  if (name.length > identifierLengthMax) throw new Failure("instance_not_found", `No instance named '${echoed(name)}'`);
  return { org: principal.org, name };
}

async function list({ fleet }: InstanceParts, call: Call): Promise<Response> {
  const { principal, visitor } = call.var;
  const { org, scope } = principal;
  const settle = visitor.read();
  const query = parseQuery(listQuery, new URL(call.req.url).searchParams);
  const rows = (await fleet.list(org)).filter((row) => reaches(names, scope, row));
  const instances = query.include_archived ? rows : rows.filter(({ archived_at }) => archived_at === null);
  const body = JSON.stringify({ instances });
  settle(body.length);
  const headers = { ...noCache, ETag: `"${createHash("sha1").update(body).digest("base64url")}"` };
  if (isKnown(call.req.header("if-none-match"), headers.ETag)) return call.body(null, 304, headers);
  return call.body(body, 200, { ...headers, "Content-Type": "application/json; charset=utf-8" });
}

/** Whether the client has that body; a proxy that compressed it may have weakened the tag (RFC 9110, section 13.1.2). */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}

async function create({ fleet, maxBodyBytes }: InstanceParts, call: Call): Promise<Response> {
  const { name, node, ...rest } = await parseBody(newInstance, call, maxBodyBytes);
  const { principal } = call.var;
  requireName(principal, "instances", name);
  return created(call, await fleet.create(principal.org, { ...requestOf(call, "create", name), ...rest }, node));
}

async function clone({ fleet, maxBodyBytes }: InstanceParts, call: Call): Promise<Response> {
  const { org, name } = named(call);
  const wanted = await parseBody(copy, call, maxBodyBytes);
  requireName(call.var.principal, "instances", wanted.as);
  return created(call, await fleet.command(org, { ...requestOf(call, "clone", name), ...wanted }));
}

async function remove({ fleet }: InstanceParts, call: Call): Promise<Response> {
  const { org, name } = named(call);
  const { force } = parseQuery(deleteQuery, new URL(call.req.url).searchParams);
  const request = requestOf(call, "delete", name);
  await (force ? fleet.forceDelete(org, request) : fleet.command(org, request));
  return call.body(null, 204, noCache);
}

/** A command about an instance, under the key that makes a repetition harmless. */
function requestOf<Said extends Command>(
  { req }: Call,
  command: Said,
  name: string,
): CommandRequest & { readonly command: Said } {
  const id = idempotencyKey(req);
  return id === undefined ? { command, name } : { command, name, id };
}

function created(call: Call, { instance, duplicate }: CommandAnswer): Response {
  const headers = { ...noCache, Location: `/api/instances/${encodeURIComponent(instance?.name ?? "")}` };
  return call.json(instance, duplicate ? 200 : 201, headers);
}
