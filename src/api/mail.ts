import { Hono } from "hono";
import type { Principal } from "../auth/principal.ts";
import type { Mail } from "../mail/mail.ts";
import { inboxRoutes } from "./inbox.ts";
import { messageRoutes } from "./messages.ts";

/** `/messages` and `/inbox`: messages between agents, for those who do not speak NATS. */
export function mailRoutes({ mail: { office, inbox }, limits, identify }: MailRouteParts): Hono {
  return new Hono()
    .route("/messages", messageRoutes({ office, identify, ...limits }))
    .route("/inbox", inboxRoutes({ inbox, identify, ...limits }));
}

interface MailRouteParts {
  readonly mail: Mail;
  readonly limits: {
    /** How long a request may be held. */
    readonly pollWaitMaxMs: number;
    readonly maxPayloadBytes: number;
  };
  /** Who asks. */
  readonly identify: (headers: Headers) => Principal;
}
