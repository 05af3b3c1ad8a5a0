import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Bodies } from "./limits/bodies.ts";
import { type SocketQuota, Sockets } from "./limits/sockets.ts";
import { Unread } from "./limits/unread.ts";
import { isolated, isolatedClock } from "./protocol/background.ts";
import { systemClock } from "./protocol/clock.ts";
import type { Skein } from "./skein.ts";
import { untakenBytes } from "./transport/socket.ts";

/** How long connections may take to say goodbye once they were ended. */
const graceMs = 1000;

/** Longer than a proxy keeps an idle connection, most often 60 s: then it is never we who let go while it sends. */
const keepAliveMs = 65_000;

/** How often is looked for those who are too slow; more often when they have little time. */
const sweepMs = 1000;

/** A gateway that listens. */
export interface Listening {
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  /** Accepts no more, ends every connection within `drainMs` and lets go of the port. */
  close(drainMs: number): Promise<void>;
}

/** Where a gateway listens, and how long and how much it takes from somebody who has said nothing yet. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /**
   * How long a client may take to send the head of a request, and as long again for its body; a body that goes on
   * bringing 16 KiB a second may take longer. Default: 10 s.
   */
  readonly handshakeMs?: number;
  /**
   * How long a client may accept no byte of what it is sent. Streams end such a connection themselves and say so; what
   * is left twice as long, an answer that nobody reads, is cut. Default: 30 s.
   */
  readonly stuckAfterMs?: number;
  /** The largest head of a request. Default: 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** How many sockets one address may hold, whatever they are for. Default: as the gateway says. */
  readonly perAddress?: SocketQuota;
  /** Hears of every socket that was refused because its address holds too many. Default: the gateway counts it. */
  readonly onRefused?: () => void;
}

/**
 * Serves a gateway on a port. Throws what the system says, for example EADDRINUSE.
 *
 * Whoever does not send a head in time is answered with 408, a head that is too large with 431, one socket too many with
 * 429, each bare and followed by the end of the connection. A WebSocket or an event stream has sent its request and is
 * looked after by its transport. All of this holds on Node and on Deno.
 */
export async function listen(skein: Skein, options: ListenOptions): Promise<Listening> {
  const { host, port, handshakeMs = 10_000, stuckAfterMs = 30_000 } = options;
  const { perAddress = skein.perAddress, onRefused = skein.countRefusedSocket } = options;
  const { report } = skein;
  const clock = isolatedClock(systemClock, report);
  const server = serverOf(skein, options);
  const sockets = new Sockets(perAddress, report);
  const bodies = new Bodies({ clock, graceMs: handshakeMs, sweepMs: Math.min(sweepMs, handshakeMs / 4) });
  const unread = new Unread({ clock, afterMs: 2 * stuckAfterMs, sockets: sockets.open, untakenBytes });
  const take = (socket: Socket) => {
    if (!sockets.take(socket)) onRefused?.();
  };
  const watch = (incoming: IncomingMessage, response: ServerResponse) => bodies.watch(incoming, response);
  server.on("connection", isolated("taking a socket in", take, report));
  server.on("request", isolated("taking a request in", watch, report));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 4096 }, resolve);
  });
  return {
    url: urlOf(server),
    async close(drainMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await skein.close(drainMs);
      server.closeIdleConnections();
      // Whoever has not said good-bye by now is not going to: a client that reads nothing never does.
      const spare = clock.after(graceMs, () => sockets.destroy());
      await closed;
      spare();
      bodies.close();
      unread.close();
    },
  };
}

function serverOf(skein: Skein, { handshakeMs = 10_000, maxHeaderBytes = 16_384 }: ListenOptions): Server {
  const settings = {
    headersTimeout: handshakeMs,
    // It would cut a large body on a slow line; `Bodies` looks at whether it goes on.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(sweepMs, handshakeMs / 4),
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
  };
  // The listener must leave the global Response alone: event streams are written past it.
  const server = createServer(settings, getRequestListener(skein.app.fetch, { overrideGlobalObjects: false }));
  return server.on("upgrade", isolated("upgrading a request", skein.upgrade, skein.report));
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
