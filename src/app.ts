import type { IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { type Admitted, type Call, entrance } from "./api/entrance.ts";
import { gatewayRoutes } from "./api/gateway.ts";
import { healthRoutes, metricRoutes } from "./api/health.ts";
import { instanceRoutes } from "./api/instances.ts";
import { logRoutes } from "./api/logs.ts";
import { mailRoutes } from "./api/mail.ts";
import { nodeRoutes } from "./api/nodes.ts";
import { publishRoutes } from "./api/publish.ts";
import { revocationRoutes } from "./api/revocations.ts";
import { linkRoute, sessionRoutes } from "./api/session.ts";
import { siteIn } from "./api/site.ts";
import { streamRoutes } from "./api/streams.ts";
import { ticketRoutes } from "./api/tickets.ts";
import type { Auth, AuthOptions } from "./auth/auth.ts";
import { limitKey } from "./auth/peer.ts";
import type { Bus } from "./bus/bus.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { Hub } from "./hub/hub.ts";
import type { Quotas } from "./limits/quotas.ts";
import type { Mail } from "./mail/mail.ts";
import type { Attendance } from "./metrics/attendance.ts";
import { type Clock, pauseApart } from "./protocol/clock.ts";
import { Failure } from "./protocol/failure.ts";
import { echoed } from "./protocol/limits.ts";
import type { Definition } from "./stream/define.ts";
import { messages } from "./streams/messages.ts";
import { streamName } from "./transport/admit.ts";
import type { Request } from "./transport/guest.ts";
import type { Polls } from "./transport/poll.ts";
import type { EventStreams } from "./transport/sse.ts";

/** The same folder from `src/`, where development runs, and from `dist/`. */
const builtPages = fileURLToPath(new URL("../dist/dashboard", import.meta.url));

/** How long, and up to as long again, whoever asks for too much waits to hear so. */
const tooMuchMs = 100;

/** What the addresses lead to. */
export interface AppParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly report: (fault: unknown) => void;
  readonly limits: {
    readonly maxBodyBytes: number;
    readonly maxPayloadBytes: number;
    readonly pollWaitMaxMs: number;
  };
  readonly definitions: readonly Definition[];
  readonly options: AuthOptions;
  readonly auth: Auth;
  readonly quotas: Quotas;
  readonly hub: Hub;
  readonly fleet: Fleet;
  readonly mail: Mail;
  readonly events: EventStreams;
  readonly polls: Polls;
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  readonly isReady: () => boolean;
  readonly attendance: Attendance;
  /** When this gateway was made, in milliseconds since 1970. */
  readonly startedMs: number;
}

/** The HTTP side of a gateway: every address, and what lies behind it. */
export function appOf(parts: AppParts): Hono<Admitted> {
  const { auth, quotas, events, polls, clock, report, isReady } = parts;
  const addressOf = addressIn(auth);
  const count: MiddlewareHandler<Admitted> = async ({ env }, next) => {
    quotas.spend("connects", { address: addressOf(env.incoming) });
    await next();
  };
  const follow = (prefix: string) => followBelow(prefix, { auth, events, addressOf });
  const letIn = entrance({ guard: auth.guard, origins: auth.origins, quotas, addressOf });
  return new Hono<Admitted>()
    .use(...headersFor(parts.options), ownPagesOnly(auth))
    .route("/", healthRoutes({ isReady }))
    .get("/api/v1/web/live/*", follow("/api/v1/web/"))
    .use("/api/*", letIn)
    .use("/metrics", letIn)
    .route("/metrics", metricRoutes(parts))
    .route("/api", apiRoutes(parts))
    .use("/session", count)
    .route("/session", linkRoute({ sessions: auth.sessions, isSecure: isSecure(auth) }))
    .get("/ws/*", () => {
      throw new Failure("upgrade_required", "This address is for WebSocket; the same stream is under /sse/ and /poll/");
    })
    .get("/sse/*", follow("/sse/"))
    .get("/poll/*", ({ req, env }) => {
      const request = requestBelow("/poll/", req.raw, { address: addressOf(env.incoming), shared: {} });
      return polls.serve(request, req.raw.signal);
    })
    .get("/*", siteIn(builtPages))
    .notFound(({ req }) => refusal(new Failure("not_found", `Nothing is at "${echoed(req.path)}"`)))
    .onError(async (thrown) => {
      const failure = Failure.from(thrown);
      if (failure.cause !== undefined) report(failure.cause);
      // Whoever asks again as soon as it is answered must not keep everybody else waiting.
      if (failure.status === 429) await pauseApart(clock, tooMuchMs);
      return refusal(failure);
    });
}

/** A stream as Server-Sent Events; its path is what comes after `prefix`. */
function followBelow(prefix: string, { auth, events, addressOf }: FollowParts): Handler<Admitted> {
  return async ({ req, env }) => {
    const shared = corsHeaders(auth, req.raw.headers);
    const request = requestBelow(prefix, req.raw, { address: addressOf(env.incoming), shared });
    await events.serve(request, env.incoming, env.outgoing);
    return RESPONSE_ALREADY_SENT;
  };
}

interface FollowParts extends Pick<AppParts, "auth" | "events"> {
  readonly addressOf: (incoming: IncomingMessage) => string;
}

function apiRoutes(parts: AppParts): Hono<Admitted> {
  const { bus, hub, fleet, mail, auth, definitions, clock, limits } = parts;
  const { maxBodyBytes } = limits;
  const routes = new Hono<Admitted>()
    .route("/streams", streamRoutes(definitions))
    .route("/gateway", gatewayRoutes(parts))
    .route("/session", sessionRoutes({ renewals: auth.renewals, isSecure: isSecure(auth) }))
    .route("/tickets", ticketRoutes({ tickets: auth.tickets, streamName }))
    .route("/revocations", revocationRoutes({ revocations: auth.revocations }))
    .route("/instances", logRoutes({ bus, hub, clock, definitions }))
    .route("/publish", publishRoutes({ bus, definitions, now: () => clock.now(), maxBodyBytes }));
  if (definitions.some(isFleet)) {
    routes.route("/instances", instanceRoutes({ fleet, maxBodyBytes })).route("/", nodeRoutes({ fleet }));
  }
  if (definitions.includes(messages)) routes.route("/", mailRoutes({ mail, limits }));
  return routes;
}

/** Whether a stream shows the table that the fleet's instances are in. */
export function isFleet(definition: Definition): boolean {
  return definition.kind === "table" && definition.subject === "instances.:name";
}

/** Where a request comes from, as limits count it. */
export function addressIn({ peers }: Auth): (incoming: IncomingMessage) => string {
  return ({ socket, headers }) => {
    const said = headers["x-forwarded-for"];
    const headersSaid = new Headers(said === undefined ? {} : { "x-forwarded-for": String(said) });
    return limitKey(peers.addressOf(socket.remoteAddress, headersSaid));
  };
}

function isSecure({ peers }: Auth): (call: Call) => boolean {
  return ({ env, req }) => {
    const { socket } = env.incoming;
    return peers.isSecure("encrypted" in socket, socket.remoteAddress, req.raw.headers);
  };
}

/** What a browser may do with our answers: nothing but what our own page needs, and what pages of others are allowed. */
function headersFor({ allowOrigin }: AuthOptions): MiddlewareHandler[] {
  const secure = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    crossOriginResourcePolicy: allowOrigin.length === 0 ? "same-origin" : "cross-origin",
    referrerPolicy: "no-referrer",
    strictTransportSecurity: false,
    xFrameOptions: "DENY",
    xXssProtection: false,
  });
  if (allowOrigin.length === 0) return [secure];
  const shared = cors({
    origin: [...allowOrigin],
    allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID"],
    exposeHeaders: ["ETag", "Location", "Retry-After", "Skein-Connection", "Skein-Cursor", "Skein-End"],
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    maxAge: 600,
  });
  return [secure, shared];
}

function ownPagesOnly({ origins }: Auth): MiddlewareHandler {
  return async ({ req }, next) => {
    origins.refuseForeign(req.raw.headers);
    await next();
  };
}

/** What an event stream, which is written past the middleware, tells a page of another origin that is allowed. */
function corsHeaders({ origins }: Auth, headers: Headers): Readonly<Record<string, string>> {
  const origin = headers.get("origin");
  if (origin === null || !origins.allows(origin)) return {};
  return { "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Skein-Connection", Vary: "Origin" };
}

function requestBelow(
  prefix: string,
  { url, headers }: globalThis.Request,
  rest: Pick<Request, "address" | "shared">,
): Request {
  const { pathname, searchParams } = new URL(url);
  return { path: pathname.slice(prefix.length), search: searchParams, headers, ...rest };
}

/** A refusal as an HTTP answer: the error frame as its body. */
function refusal({ frame, status, retryAfterSeconds: wait }: Failure): Response {
  const headers = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
    ...(status === 401 ? { "WWW-Authenticate": "Bearer" } : {}),
    ...(wait === undefined ? {} : { "Retry-After": String(wait) }),
  };
  return new Response(frame.json, { status, headers });
}
