import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import type { Guard } from "../auth/guard.ts";
import type { Origins } from "../auth/origin.ts";
import { type Principal, type Role, whoIs } from "../auth/principal.ts";
import type { Quotas, RateName } from "../limits/quotas.ts";
import { Visitor } from "../limits/visitor.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import { requireRole } from "../stream/access.ts";

/** What every call of the API knows once it is let in. */
export interface Admitted {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    readonly principal: Principal;
    readonly visitor: Visitor;
  };
}

/** A call that was let in. */
export type Call = Context<Admitted>;

/** What a call needs, and what it is counted as. */
interface Rule {
  readonly methods: readonly string[];
  readonly path: RegExp;
  /** Any when absent; `anybody`: also who shows what does not count, or nothing. */
  readonly role?: Role | "anybody";
  readonly rate: RateName;
}

const reading = ["GET", "HEAD"];

/** Who may call what. The first row that fits counts; what fits none is nobody's. */
const rules: readonly Rule[] = [
  { methods: reading, path: /^\/api\/inbox\//, role: "publisher", rate: "reads" },
  { methods: reading, path: /^\/api\/(?:instances|messages|templates|nodes)(?:\/|$)/, role: "viewer", rate: "reads" },
  { methods: reading, path: /^\/api\/(?:streams|session)$/, rate: "reads" },
  { methods: reading, path: /^\/api\/gateway$/, role: "operator", rate: "reads" },
  { methods: reading, path: /^\/metrics$/, role: "operator", rate: "reads" },
  { methods: ["POST", "DELETE"], path: /^\/api\/instances(?:\/|$)/, role: "operator", rate: "publishes" },
  { methods: ["POST"], path: /^\/api\/revocations$/, role: "operator", rate: "publishes" },
  { methods: ["POST"], path: /^\/api\/messages(?:\/|$)/, role: "publisher", rate: "publishes" },
  { methods: ["POST", "DELETE"], path: /^\/api\/publish(?:\/|$)/, role: "publisher", rate: "publishes" },
  // Whoever has a cookie that does not count any more must be able to get rid of it.
  { methods: ["DELETE"], path: /^\/api\/session$/, role: "anybody", rate: "publishes" },
  { methods: ["POST"], path: /^\/api\/(?:tickets|session|session\/refresh)$/, rate: "publishes" },
];

/** The one way in to what is not a stream: every call is counted, its caller known, its role checked. */
export function entrance({ guard, origins, quotas, addressOf }: EntranceParts): MiddlewareHandler<Admitted> {
  return async (context, next) => {
    const { method, path, raw, url } = context.req;
    origins.refuseCrossSite(raw.headers);
    const rule = rules.find((one) => one.methods.includes(method) && one.path.test(path));
    const visitor = new Visitor(quotas, addressOf(context.env.incoming));
    const rate = rule?.rate ?? "reads";
    visitor.spend(rate);
    const search = new URL(url).searchParams;
    if (rule?.role === "anybody") return next();
    if (search.has("ticket")) throw new Failure("ticket_invalid", "A ticket is for a stream, not for the API");
    const principal = await guard.identify({ headers: raw.headers, search, stream: undefined });
    visitor.introduce(whoIs(principal), rate);
    if (rule === undefined) throw new Failure("not_found", `Nothing is at "${echoed(path)}" for ${method}`);
    if (rule.role) requireRole(principal, rule.role);
    context.set("principal", principal);
    context.set("visitor", visitor);
    await next();
  };
}

interface EntranceParts {
  readonly guard: Guard;
  readonly origins: Origins;
  readonly quotas: Quotas;
  /** Where a request comes from, as limits count it. */
  readonly addressOf: (incoming: HttpBindings["incoming"]) => string;
}
