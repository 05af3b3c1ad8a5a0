// A small web server: says hello at /, and how it is at /health.
import { createServer } from "node:http";

const { NAME = "web", PORT = "0", GREETING = "hello" } = process.env;
let visits = 0;

const server = createServer((request, response) => {
  if (request.url === "/health") return response.end("fine\n");
  visits++;
  console.log(`${new Date().toISOString()} ${request.method} ${request.url}, visit ${visits}`);
  response.end(`${GREETING} from ${NAME}\n`);
});

server.listen(Number(PORT), "127.0.0.1", () => console.log(`${NAME} listens on port ${PORT}`));

process.on("SIGTERM", () => {
  console.log(`${NAME} leaves after ${visits} visits`);
  server.close();
  server.closeAllConnections();
});
