import { Hono } from "hono";
import type { Definition } from "../stream/define.ts";
import type { Admitted } from "./entrance.ts";

/** `GET /api/streams`: which streams there are. */
export function streamRoutes(definitions: readonly Definition[]): Hono<Admitted> {
  const streams = definitions.map((definition) => ({
    path: definition.path,
    description: definition.description,
    query: queryOf(definition),
  }));
  return new Hono<Admitted>().get("/", (context) => context.json({ streams }));
}

function queryOf(definition: Definition): string[] {
  if (definition.kind !== "rooms") return Object.keys(definition.query.shape);
  return [definition.param, ...Object.keys(definition.room.query.shape)];
}
