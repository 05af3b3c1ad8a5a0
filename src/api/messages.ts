import { Hono } from "hono";
import { z } from "zod";
import { letterJson, metadataOf } from "../mail/letter-text.ts";
import { mostDetailBytes } from "../mail/offer.ts";
import type { PostOffice, Word } from "../mail/post-office.ts";
import { Failure } from "../protocol/failure.ts";
import { reaches, requireName } from "../stream/access.ts";
import { parseBody } from "./body.ts";
import type { Admitted, Call } from "./entrance.ts";
import { idempotencyKey } from "./idempotency-key.ts";

/** Which fields of a message name instances. */
const names = { instances: ["from", "to"] };

/** How much a body may have besides the payload, in bytes. */
const spareBytes = 16 * 1024;

const name = bytes(1, 128);

const draft = z.strictObject({
  from: name,
  to: name,
  message_type: bytes(1, 128),
  correlation_id: bytes(1, 256).optional(),
  payload: z.unknown().refine((value) => value !== undefined, "must be there; any JSON will do"),
});

const word = z.strictObject({ agent: name, detail: bytes(0, mostDetailBytes).nullable().default(null) });

/** `POST /` sends a message, `GET /:id` shows it, `POST /:id/ack` and `POST /:id/fail` say what became of it. */
export function messageRoutes({ office, maxPayloadBytes }: MessageRouteParts): Hono<Admitted> {
  return new Hono<Admitted>()
    .post("/", async (context) => {
      const { payload, ...rest } = await read(context, draft, maxPayloadBytes + spareBytes);
      const { principal } = context.var;
      requireName(principal, "instances", rest.from);
      const said = { ...rest, payload: JSON.stringify(payload) };
      const { letter, isNew } = await office.send(principal.org, said, idempotencyKey(context.req));
      const place = `/api/messages/${encodeURIComponent(letter.message_id)}`;
      return context.json(metadataOf(letter), isNew ? 201 : 200, { Location: place, "Cache-Control": "no-store" });
    })
    .get("/:id", async (context) => {
      const { org, scope } = context.var.principal;
      const settle = context.var.visitor.read();
      const envelope = await office.look(org, context.req.param("id"));
      if (!reaches(names, scope, envelope)) throw new Failure("forbidden", "The token allows none of its instances");
      const body = letterJson(await office.read(org, envelope));
      settle(body.length);
      return context.body(body, 200, jsonHeaders);
    })
    .post("/:id/ack", async (context) => {
      const said: Word = await read(context, word, spareBytes);
      requireName(context.var.principal, "instances", said.agent);
      const letter = await office.acknowledge(context.var.principal.org, context.req.param("id"), said);
      return context.json(metadataOf(letter), 200, jsonHeaders);
    })
    .post("/:id/fail", async (context) => {
      const said: Word = await read(context, word, spareBytes);
      requireName(context.var.principal, "instances", said.agent);
      const letter = await office.fail(context.var.principal.org, context.req.param("id"), said);
      return context.json(metadataOf(letter), 200, jsonHeaders);
    });
}

const jsonHeaders = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" };

interface MessageRouteParts {
  readonly office: PostOffice;
  readonly maxPayloadBytes: number;
}

/** The body of a request by its schema. Throws `body_too_large`, `invalid_body`. */
function read<Body>(context: Call, schema: z.ZodType<Body>, maxBytes: number): Promise<Body> {
  return parseBody(schema, context, maxBytes, "invalid_body");
}

/** A text with so many bytes of UTF-8. */
function bytes(least: number, most: number) {
  const error = `must be a text of ${least} to ${most} bytes`;
  return z.string(error).refine((text) => {
    const { length } = new TextEncoder().encode(text);
    return length >= least && length <= most;
  }, error);
}
