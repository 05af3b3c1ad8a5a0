import { z } from "zod";
import type { Bus, Said } from "../bus/bus.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { jsonIn } from "../protocol/json.ts";
import { anyOrg, encodeToken, splitSubject, subjectOf } from "../protocol/subject.ts";
import type { Leases } from "./leases.ts";
import { bearerOf, passportOf, passportShape } from "./passport.ts";
import type { Principal } from "./principal.ts";

const patienceMs = 5000;

const order = z.object({ connection: z.string(), bearer: passportShape });

interface RenewalsParts {
  readonly bus: Bus;
  /** Names this gateway among all that there are. */
  readonly gateway: string;
  readonly leases: Leases;
}

/** New tokens for open connections, whichever gateway has the connection. */
export class Renewals {
  readonly #parts: RenewalsParts;
  #stop: Stop = () => {};

  constructor(parts: RenewalsParts) {
    this.#parts = parts;
  }

  /** Hears what other gateways ask. */
  start(): void {
    const { bus, gateway } = this.#parts;
    this.#stop = bus.reply(anyOrg(`gateways.${encodeToken(gateway)}`), async (message) => this.#take(message));
  }

  /**
   * Lets a connection go on by a principal's newer token.
   *
   * Throws `connection_not_found`, `forbidden`, `bus_away`.
   */
  async renew(connection: string, principal: Principal): Promise<void> {
    const { bus, gateway, leases } = this.#parts;
    const [home = ""] = connection.split(".", 1);
    if (home === gateway) return leases.renew(connection, principal);
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(home)) throw notFound();
    const body = JSON.stringify({ connection, bearer: passportOf(principal) });
    const subject = subjectOf(principal.org, `gateways.${home}`);
    await bus.request(subject, new TextEncoder().encode(body), patienceMs).catch((thrown: unknown) => {
      throw Failure.from(thrown).code === "no_responder" ? notFound() : thrown;
    });
  }

  close(): void {
    this.#stop();
  }

  #take({ subject, data }: Said): Uint8Array {
    const parts = splitSubject(subject);
    const parsed = order.safeParse(jsonIn(data, { fault: "bad_request" }));
    if (!parts || !parsed.success) throw notFound();
    this.#parts.leases.renew(parsed.data.connection, bearerOf(parsed.data.bearer, parts.org));
    return new Uint8Array(0);
  }
}

function notFound(): Failure {
  return new Failure("connection_not_found", "No open connection has that id");
}
