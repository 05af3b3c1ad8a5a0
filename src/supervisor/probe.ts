import { get } from "node:http";
import { connect } from "node:net";
import type { Template } from "./template.ts";

type Rules = Template["health"];

/** Whether an instance answers on its port within the time that its template allows. Any HTTP status below 400 is an answer. */
export function isHealthy(rules: Rules, port: number): Promise<boolean> {
  return rules.kind === "http" ? answersHttp(rules, port) : answersTcp(rules, port);
}

function answersTcp({ timeoutMs }: Rules, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: "127.0.0.1" });
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.once("connect", () => {
    resolve(true);
    socket.destroy();
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    clearTimeout(timer);
    resolve(false);
  });
  return promise;
}

function answersHttp({ path, timeoutMs }: Rules, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
    resolve((response.statusCode ?? 500) < 400);
    request.destroy();
  });
  const timer = setTimeout(() => request.destroy(), timeoutMs);
  request.on("error", () => {});
  request.once("close", () => {
    clearTimeout(timer);
    resolve(false);
  });
  return promise;
}
