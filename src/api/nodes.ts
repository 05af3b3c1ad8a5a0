import { Hono } from "hono";
import type { Principal } from "../auth/principal.ts";
import type { Fleet } from "../fleet/fleet.ts";

const noCache = { "Cache-Control": "no-cache" };

/** `GET /api/templates` (what instances can be made of) and `GET /api/nodes` (where they run). */
export function nodeRoutes({ fleet, identify }: NodeParts): Hono {
  return new Hono()
    .get("/templates", async (context) => {
      const { org } = identify(context.req.raw.headers);
      return context.json({ templates: await fleet.templates(org) }, 200, noCache);
    })
    .get("/nodes", async (context) => {
      const { org } = identify(context.req.raw.headers);
      return context.json({ nodes: await fleet.nodes(org) }, 200, noCache);
    });
}

interface NodeParts {
  readonly fleet: Fleet;
  /** Who asks. */
  readonly identify: (headers: Headers) => Principal;
}
