import { Hono } from "hono";
import type { Fleet } from "../fleet/fleet.ts";
import type { Admitted } from "./entrance.ts";

const noCache = { "Cache-Control": "no-cache" };

/** `GET /api/templates` (what instances can be made of) and `GET /api/nodes` (where they run). */
export function nodeRoutes({ fleet }: NodeParts): Hono<Admitted> {
  return new Hono<Admitted>()
    .get("/templates", async (context) => {
      const { org } = context.var.principal;
      return context.json({ templates: await fleet.templates(org) }, 200, noCache);
    })
    .get("/nodes", async (context) => {
      const { org } = context.var.principal;
      return context.json({ nodes: await fleet.nodes(org) }, 200, noCache);
    });
}

interface NodeParts {
  readonly fleet: Fleet;
}
