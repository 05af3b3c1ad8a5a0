import { Hono } from "hono";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import type { Hub } from "../hub/hub.ts";
import { RemoteLog } from "../hub/remote-log.ts";
import type { Visitor } from "../limits/visitor.ts";
import { type Clock, pause } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import { requireName } from "../stream/access.ts";
import type { Definition, LogDefinition } from "../stream/define.ts";
import { parseQuery, whole } from "../stream/query.ts";
import type { Admitted, Call } from "./entrance.ts";

const query = z.strictObject({ lines: whole(100, [0, 1000]) });

/**
 * `GET /:name/logs?lines=` (the newest lines, as the stream's first frame has them) and `GET /:name/logs/download` (the
 * whole file).
 */
export function logRoutes({ bus, hub, clock, definitions }: LogRouteParts): Hono<Admitted> {
  const definition = definitions.find(isLog);
  if (definition === undefined) return new Hono<Admitted>();
  return new Hono<Admitted>()
    .get("/:name/logs", async (context) => {
      const { org, name } = asked(context, context.req.param("name"));
      const { lines } = parseQuery(query, new URL(context.req.url).searchParams);
      const settle = context.var.visitor.read();
      const channel = hub.channel(definition, org, { name });
      const { frames } = await channel.open({ query: { backlog: lines }, scope: undefined }, undefined);
      const body = frames[0]?.json ?? "";
      settle(body.length);
      return json(context, body);
    })
    .get("/:name/logs/download", async (context) => {
      const { org, name } = asked(context, context.req.param("name"));
      const log = new RemoteLog(bus, org, name);
      const stream = await fileStream({ log, name, visitor: context.var.visitor, clock });
      const filename = `${encodeURIComponent(name)}.log`;
      return context.body(stream, 200, {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": `attachment; filename*=UTF-8''${filename}`,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      });
    });
}

function isLog(definition: Definition): definition is LogDefinition {
  return definition.kind === "log" && definition.path === "instances/:name/logs";
}

interface LogRouteParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly definitions: readonly Definition[];
}

/** Whose log is asked for. Throws `forbidden`. */
function asked({ var: { principal } }: Call, name: string): { readonly org: string; readonly name: string } {
  requireName(principal, "instances", name);
  return { org: principal.org, name };
}

function json(context: Call, body: string): Response {
  return context.body(body, 200, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache" });
}

/**
 * The file from its first byte to the end it had at the first piece; it breaks off when the file begins anew meanwhile.
 *
 * It goes no faster than its reader may read. Throws `too_many_reads` when that has read too much before.
 */
async function fileStream({ log, name, visitor, clock }: Download): Promise<ReadableStream<Uint8Array>> {
  visitor.read();
  const first = await log.bytes(0).catch((thrown: unknown) => {
    throw notThere(Failure.from(thrown), name);
  });
  const { generation, size } = first.head;
  let piece = first;
  return new ReadableStream({
    async pull(controller) {
      const { length } = piece.bytes;
      visitor.owe("readBytes", length);
      if (length > 0) controller.enqueue(piece.bytes);
      const next = piece.head.to;
      if (next >= size) return controller.close();
      const waitMs = visitor.readWaitMs;
      if (waitMs > 0) await pause(clock, waitMs);
      piece = await log.bytes(next, generation);
    },
  });
}

interface Download {
  readonly log: RemoteLog;
  readonly name: string;
  readonly visitor: Visitor;
  readonly clock: Clock;
}

/** To whoever asks for a file it is the same whether no agent has it or it has just gone. */
function notThere(failure: Failure, name: string): Failure {
  if (failure.code !== "no_responder") return failure;
  return new Failure("instance_not_found", `No log of an instance named '${echoed(name)}'`);
}
