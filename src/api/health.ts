import { Hono } from "hono";
import { Failure } from "../protocol/failure.ts";
import type { Admitted } from "./entrance.ts";

/** `GET /healthz` (the process works) and `/readyz` (it can serve): for whoever watches the process, without a token. */
export function healthRoutes({ isReady }: { readonly isReady: () => boolean }): Hono<Admitted> {
  return new Hono<Admitted>()
    .get("/healthz", (context) => context.json({ status: "ok" }))
    .get("/readyz", (context) =>
      isReady() ? context.json({ status: "ready" }) : context.json({ status: "not_ready" }, 503),
    );
}

/**
 * `GET /` of `/metrics` (Prometheus text): the counts of all orgs together, so only the gateway's own org may see them, by a
 * token without allow-lists.
 */
export function metricRoutes({ metrics, options }: MetricParts): Hono<Admitted> {
  return new Hono<Admitted>().get("/", async (call) => {
    const { token, org, scope } = call.var.principal;
    if (token && org !== options.org) throw new Failure("forbidden", "The metrics are for the gateway's own org");
    if (scope) throw new Failure("forbidden", "The metrics are for a token without allow-lists");
    const { text, contentType } = await metrics();
    return call.body(text, 200, { "Content-Type": contentType });
  });
}

interface MetricParts {
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  readonly options: {
    /** The org whose operators run this gateway. */
    readonly org: string;
  };
}
