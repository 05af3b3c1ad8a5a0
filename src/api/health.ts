import { Hono } from "hono";

/** `GET /healthz` (the process works), `/readyz` (it can serve) and `/metrics` (Prometheus text). */
export function healthRoutes({ isReady, metrics }: HealthParts): Hono {
  return new Hono()
    .get("/healthz", (context) => context.json({ status: "ok" }))
    .get("/readyz", (context) =>
      isReady() ? context.json({ status: "ready" }) : context.json({ status: "not_ready" }, 503),
    )
    .get("/metrics", async (context) => {
      const { text, contentType } = await metrics();
      return context.body(text, 200, { "Content-Type": contentType });
    });
}

interface HealthParts {
  readonly isReady: () => boolean;
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
}
