import { fileURLToPath } from "node:url";
import { natsPublisher } from "../bus.ts";
import { accepts, freePort, whenReady } from "../port.ts";
import type { Dialect } from "../subscriber.ts";
import type { Rival } from "./rival.ts";

/** Where the Node servers listen on the bus. */
const subject = "bench.frames";

type Manner = Pick<Dialect, "path" | "opensWith" | "answers">;

const hears: Manner = { path: "/stream", opensWith: undefined, answers: [] };

/** Hono with its own means: `streamSSE` for events, `ws.send(text)` per client for WebSocket. */
export const hono: Rival = nodeRival("hono", ["ws", "sse"], hears);

/** Socket.IO over WebSocket only, one `io.emit` per frame. Clients speak just enough Engine.IO 4. */
export const socketio: Rival = nodeRival("socketio", ["ws"], {
  path: "/socket.io/?EIO=4&transport=websocket",
  opensWith: '40{"sid"',
  answers: [
    ["0{", "40"],
    ["2", "3"],
  ],
});

function nodeRival(name: string, transports: Rival["transports"], manner: Manner): Rival {
  const module = fileURLToPath(new URL(`./${name}.server.ts`, import.meta.url));
  return {
    name,
    transports,
    obstacle: () => undefined,
    start: async ({ children, bus }) => {
      const [{ url }, port] = [await bus(), await freePort()];
      const program = children.spawn(process.execPath, [module, String(port), url, subject]);
      await whenReady(program, () => accepts(port));
      return {
        program,
        dialect: (transport) => ({ ...manner, transport, port, keepalive: undefined }),
        publisher: () => natsPublisher(url, subject),
      };
    },
  };
}
