/** The Socket.IO server under test: one event to everybody per frame, frames coming from the bus. */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { upstream } from "./upstream.ts";

const { port, follow } = upstream();
const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

await follow((text) => {
  io.emit("frame", JSON.parse(text));
});
server.listen(port, "127.0.0.1");
