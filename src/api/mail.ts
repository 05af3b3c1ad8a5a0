import { Hono } from "hono";
import type { Mail } from "../mail/mail.ts";
import type { Admitted } from "./entrance.ts";
import { inboxRoutes } from "./inbox.ts";
import { messageRoutes } from "./messages.ts";

/** `/messages` and `/inbox`: messages between agents, for those who do not speak NATS. */
export function mailRoutes({ mail: { office, inbox }, limits }: MailRouteParts): Hono<Admitted> {
  return new Hono<Admitted>()
    .route("/messages", messageRoutes({ office, ...limits }))
    .route("/inbox", inboxRoutes({ inbox, ...limits }));
}

interface MailRouteParts {
  readonly mail: Mail;
  readonly limits: {
    /** How long a request may be held. */
    readonly pollWaitMaxMs: number;
    readonly maxPayloadBytes: number;
  };
}
