import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { installed } from "./support/installed.ts";

const nginxConf = readFileSync(fileURLToPath(new URL("../deploy/nginx.conf", import.meta.url)), "utf8");

describe("deploy/nginx.conf", () => {
  const nginx = installed({ variable: "NGINX_BIN", names: ["nginx"], debian: "nginx" });
  const folder = mkdtempSync(join(tmpdir(), "skein-nginx-"));
  const file = join(folder, "nginx.conf");
  const socketPath = join(folder, "nginx.sock");
  /** What the gateway was told of the client's way, by the path that was asked for. */
  const heard = new Map<string, string>();
  const gateway = createServer(({ url = "", headers }, response) => {
    heard.set(url, String(headers["x-forwarded-proto"]));
    // An event of a stream that never ends.
    response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
  });
  const sockets = new WebSocketServer({ server: gateway });
  let port = 0;

  beforeAll(async () => {
    gateway.listen(0, "127.0.0.1");
    await once(gateway, "listening");
    const { port: gatewayPort } = gateway.address() as AddressInfo;
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    ({ port } = free.address() as AddressInfo);
    await new Promise((resolve) => free.close(resolve));
    // The names of the gateways mean something only on the network of docker-compose.yml.
    const local = nginxConf
      .replace("gateway-1:8000", `127.0.0.1:${gatewayPort}`)
      .replace("gateway-2:8000", "127.0.0.1:1")
      .replaceAll(/\/(tmp|dev)\//g, `${folder}/`);
    writeFileSync(file, local.replace("listen 8080", `listen 127.0.0.1:${port}; listen unix:${socketPath}`));
  });

  afterAll(() => {
    sockets.close();
    gateway.close();
    gateway.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  test("is accepted by nginx", () => {
    const { stderr, status } = spawnSync(nginx, ["-t", "-c", file, "-p", folder], { encoding: "utf8" });
    expect(stderr).toContain("test is successful");
    expect(status).toBe(0);
  });

  test("passes an event on at once and a WebSocket through, and logs no token, whatever goes wrong", async () => {
    await using proxy = startNginx();
    const stream = await firstAnswer(proxy.child, { socketPath, path: "/sse/instances?token=hush" });
    const [chunk] = await once(stream, "data");
    expect(String(chunk)).toBe("data: 1\n\n");
    stream.destroy();

    sockets.once("connection", (socket) => socket.once("message", (data) => socket.send(`heard ${data}`)));
    const client = new WebSocket(`ws+unix:${socketPath}:/ws/instances?token=hush`);
    await once(client, "open");
    client.send("ping");
    const [message] = await once(client, "message");
    expect(String(message)).toBe("heard ping");
    client.close();
    await once(client, "close");

    const status = async (options: RequestOptions, body = "") => {
      const asked = request({ socketPath, headers: { host: "skein", connection: "close" }, ...options }).end(body);
      const [answer] = await once(asked, "response");
      answer.destroy();
      return answer.statusCode;
    };
    // One gateway is not there, and what is said of it, of a body that is too large and of a wrong request has the request in it.
    for (let i = 0; i < 6; i++) expect(await status({ path: `/sse/instances?ticket=hush${i}` })).toBe(200);
    const large = { method: "POST", path: "/api/publish/runs/r1?token=hush" };
    expect(await status(large, "x".repeat(2 ** 20 + 1))).toBe(413);
    expect(await status({ path: "/%00?token=hush" })).toBe(400);

    const said = await proxy.end();
    const log = readFileSync(join(folder, "stdout"), "utf8");
    expect(log).toContain("/ws/instances 101");
    expect(log).toContain("127.0.0.1:1, 127.0.0.1:");
    expect(log).not.toContain("hush");
    expect(said).not.toContain("hush");
  });

  test("hands on that the client came over TLS from a proxy that it believes, and from no one else", async () => {
    await using proxy = startNginx();
    const scheme = async (name: string, place: RequestOptions, said?: string) => {
      const headers = { host: "skein", ...(said !== undefined && { "x-forwarded-proto": said }) };
      const answer = await firstAnswer(proxy.child, { ...place, path: `/${name}`, headers });
      answer.destroy();
      return heard.get(`/${name}`);
    };
    // Loopback is believed, a socket of this machine's files is nobody's address.
    const [outer, other] = [{ host: "127.0.0.1", port }, { socketPath }];
    expect(await scheme("a", outer, "https")).toBe("https");
    expect(await scheme("b", outer, "HTTPS")).toBe("https");
    expect(await scheme("c", outer, "http")).toBe("http");
    expect(await scheme("d", outer)).toBe("http");
    expect(await scheme("e", outer, "https, gopher")).toBe("http");
    expect(await scheme("f", other, "https")).toBe("http");
  });

  /** Starts nginx; `end` gives what it has said on standard error. */
  function startNginx() {
    const child = spawn(nginx, ["-c", file, "-p", folder, "-g", "daemon off;"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const ended = once(child, "close");
    const end = async () => {
      child.kill("SIGTERM");
      await ended;
      return said;
    };
    return {
      child,
      end,
      async [Symbol.asyncDispose]() {
        await end();
      },
    };
  }
});

/** The answer to the first request that a server under way takes. */
async function firstAnswer(server: ChildProcess, options: RequestOptions): Promise<IncomingMessage> {
  while (server.exitCode === null) {
    const asked = request({ headers: { host: "skein" }, ...options }).end();
    const answer = await once(asked, "response").catch(() => undefined);
    if (answer) return answer[0];
  }
  throw new Error(`The server ended with exit code ${server.exitCode}`);
}
