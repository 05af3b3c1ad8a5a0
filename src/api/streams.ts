import { Hono } from "hono";
import type { Definition } from "../stream/define.ts";
import type { Admitted } from "./entrance.ts";

/** `GET /api/streams`: which streams there are. */
export function streamRoutes(definitions: readonly Definition[]): Hono<Admitted> {
  const streams = definitions.map(({ path, description, query }) => ({
    path,
    description,
    query: Object.keys(query.shape),
  }));
  return new Hono<Admitted>().get("/", (context) => context.json({ streams }));
}
