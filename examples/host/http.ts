import { type Outlet, Refused } from "./outlet.ts";

const patienceMs = 5000;

/** Publishes with `POST /api/publish/instances/<name>`, deletes with `DELETE`; a gateway may live below a path. */
export function httpOutlet(gateway: URL): Outlet {
  const base = new URL(gateway.href.endsWith("/") ? gateway : `${gateway.href}/`);
  return {
    async publish({ name, body, id }) {
      const answer = await fetch(new URL(`api/publish/instances/${encodeURIComponent(name)}`, base), {
        method: body === "" ? "DELETE" : "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": id },
        ...(body !== "" && { body }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await answer.text();
      if (answer.ok) return;
      const fault = `${answer.status} ${text}`.trim();
      // 408 and 429 are refusals for now, the other 4xx are refusals for good.
      const isFinal = answer.status >= 400 && answer.status < 500 && ![408, 429].includes(answer.status);
      throw isFinal ? new Refused(fault) : new Error(fault);
    },
    close: () => Promise.resolve(),
  };
}
