import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Clock } from "../protocol/clock.ts";
import type { Template } from "./template.ts";

type Rules = Template["health"];

/** Whether an instance answers on its port within the time that its template allows. Any HTTP status below 400 is an answer. */
export function isHealthy(rules: Rules, port: number, clock: Clock): Promise<boolean> {
  return rules.kind === "http" ? answersHttp(rules, port, clock) : answersTcp(rules, port, clock);
}

async function answersTcp({ timeoutMs }: Rules, port: number, clock: Clock): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const stop = clock.after(timeoutMs, () => socket.destroy(new Error("timeout")));
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    stop();
    socket.destroy();
  }
}

async function answersHttp({ path, timeoutMs }: Rules, port: number, clock: Clock): Promise<boolean> {
  const request = get({ host: "127.0.0.1", port, path, agent: false });
  request.on("error", () => {});
  const stop = clock.after(timeoutMs, () => request.destroy(new Error("timeout")));
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return (response.statusCode ?? 500) < 400;
  } catch {
    return false;
  } finally {
    stop();
    request.destroy();
  }
}
