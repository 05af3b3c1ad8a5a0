import { Hono } from "hono";
import { z } from "zod";
import type { Principal } from "../auth/principal.ts";
import type { Bus } from "../bus/bus.ts";
import type { Hub } from "../hub/hub.ts";
import { Tally } from "../hub/tally.ts";
import type { Quotas } from "../limits/quotas.ts";
import type { Attendance, Departed, Present, Survey } from "../metrics/attendance.ts";
import type { Durations } from "../metrics/latency.ts";
import type { Clock } from "../protocol/clock.ts";
import { version } from "../protocol/version.ts";
import { parseQuery, whole } from "../stream/query.ts";
import type { Admitted } from "./entrance.ts";

const query = z.strictObject({ limit: whole(100, [0, 1000]) });

/**
 * `GET /api/gateway`: what this gateway is doing for the caller's org, and who is connected.
 *
 * The gateway's own org learns the sums of all orgs besides, and no name of theirs. A caller with allow-lists learns the sums
 * of its org alone, and sees no connections but those of its own subject, because the names of streams are names of instances
 * and crews.
 */
export function gatewayRoutes(parts: GatewayParts): Hono<Admitted> {
  return new Hono<Admitted>().get("/", (call) => {
    const { limit } = parseQuery(query, new URL(call.req.url).searchParams);
    const { principal } = call.var;
    const about = { ...selfOf(parts), ...orgOf(parts, principal, limit) };
    return call.json(isOwn(parts, principal) ? { ...about, gateway: wholeOf(parts) } : about, 200, noCache);
  });
}

interface GatewayParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly quotas: Quotas;
  readonly attendance: Attendance;
  /** When this gateway was made, in milliseconds since 1970. */
  readonly startedMs: number;
  readonly options: {
    /** The org whose operators run this gateway. */
    readonly org: string;
  };
}

const noCache = { "Cache-Control": "no-cache" };

function isOwn({ options }: GatewayParts, { token, org, scope }: Principal): boolean {
  return token === undefined || (org === options.org && scope === undefined);
}

function selfOf({ bus, clock, startedMs }: GatewayParts) {
  const { kind, state } = bus;
  return { version, started_at: iso(startedMs), now: iso(clock.now()), bus: { kind, state } };
}

function orgOf({ hub, attendance }: GatewayParts, { org, subject, scope }: Principal, limit: number) {
  const tally = hub.tallies.of(org);
  const survey = attendance.survey(org);
  const isSeen = (one: Present) => scope === undefined || one.subject === subject;
  const open = scope === undefined ? survey.open : attendance.openOf(org, subject);
  return {
    org,
    ...figures([tally], [survey], tally.latency.lastMinute()),
    open: open.slice(0, limit).map(shown),
    closed: attendance.closed(org).filter(isSeen).slice(0, limit).map(shownClosed),
  };
}

function wholeOf({ hub, attendance, quotas }: GatewayParts) {
  const tallies = hub.tallies.all;
  const surveys = attendance.orgs.map((org) => attendance.survey(org));
  const [first, ...others] = tallies.map(({ latency }) => latency);
  const latency = first?.lastMinute(others) ?? { count: 0, p50Ms: undefined, p95Ms: undefined, p99Ms: undefined };
  return { ...figures(tallies, surveys, latency), limited: Object.fromEntries(quotas.refused) };
}

function figures(tallies: readonly Tally[], surveys: readonly Survey[], latency: Durations) {
  const { delivered, lagged, stuck, resumes, rejected } = Tally.sum(tallies);
  const total = (count: (survey: Survey) => number) => surveys.reduce((sum, survey) => sum + count(survey), 0);
  const connected = (transport: string) => total(({ byTransport }) => byTransport.get(transport) ?? 0);
  return {
    connections: { ws: connected("ws"), sse: connected("sse"), poll: connected("poll") },
    delivered,
    lagged,
    stuck,
    resumes,
    rejected: Object.fromEntries(rejected),
    latency: {
      turns: latency.count,
      p50_ms: latency.p50Ms ?? null,
      p95_ms: latency.p95Ms ?? null,
      p99_ms: latency.p99Ms ?? null,
    },
    queued: { frames: total(({ queuedFrames }) => queuedFrames), bytes: total(({ queuedBytes }) => queuedBytes) },
  };
}

function shown(one: Present) {
  return {
    id: one.id,
    transport: one.transport,
    org: one.org,
    subject: one.subject,
    streams: one.streams,
    stream_count: one.streamCount,
    since: iso(one.sinceMs),
    frames: one.frames,
    bytes: one.bytes,
    queued_frames: one.queuedFrames,
    queued_bytes: one.queuedBytes,
  };
}

function shownClosed(one: Departed) {
  const { by, code, reason, closedMs } = one;
  return { ...shown(one), closed_at: iso(closedMs), by, code: code ?? null, reason: reason ?? null };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
