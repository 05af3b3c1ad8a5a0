import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepts, freePort, whenReady } from "../port.ts";
import { httpPublisher } from "../publisher.ts";
import type { Rival } from "./rival.ts";

const nginx = "/usr/sbin/nginx";
const module = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** nginx with the nchan module: the measure of what C can do. One worker; frames are posted to it over HTTP. */
export const nchan: Rival = {
  name: "nchan",
  transports: ["ws", "sse"],
  obstacle: () => {
    if (existsSync(nginx) && existsSync(module)) return undefined;
    return "nginx with its nchan module is not installed: apt-get install nginx libnginx-mod-nchan";
  },
  start: async ({ children, directory }) => {
    const port = await freePort();
    const file = join(directory, "nginx.conf");
    writeFileSync(file, configuration(directory, port));
    const program = children.spawn(nginx, ["-p", directory, "-c", file]);
    await whenReady(program, () => accepts(port));
    return {
      program,
      dialect: (transport) => ({
        transport,
        port,
        path: `/${transport}/bench`,
        opensWith: undefined,
        answers: [],
        keepalive: undefined,
      }),
      publisher: () => httpPublisher({ port, path: "/publish/bench", inFlight: 500 }),
    };
  },
};

/** Clients start with the newest message, and enough messages are kept that a slow one misses none. */
function configuration(directory: string, port: number): string {
  return `
load_module ${module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 100000;
error_log stderr warn;
pid ${directory}/nginx.pid;
events { worker_connections 40000; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 100000000;
  keepalive_timeout 1h;
  nchan_shared_memory_size 512m;
  nchan_message_buffer_length 100000;
  nchan_message_timeout 1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/publish/(\\w+)$ { nchan_publisher; nchan_channel_id $1; }
    location ~ ^/ws/(\\w+)$ { nchan_subscriber websocket; nchan_subscriber_first_message newest; nchan_channel_id $1; }
    location ~ ^/sse/(\\w+)$ { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id $1; }
  }
}
`;
}
