import { Hono } from "hono";
import type { Definition } from "../stream/define.ts";

/** `GET /api/streams`: which streams there are. */
export function streamRoutes(definitions: readonly Definition[]): Hono {
  const streams = definitions.map(({ path, description, query }) => ({
    path,
    description,
    query: Object.keys(query.shape),
  }));
  return new Hono().get("/", (context) => context.json({ streams }));
}
