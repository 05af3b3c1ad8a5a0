import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnforced } from "../cli/enforced.ts";
import { follow } from "../support/client.ts";
import { type LockedNats, startLockedNats } from "../support/locked-nats.ts";

let locked: LockedNats;
beforeAll(async () => {
  locked = await startLockedNats();
});
afterAll(async () => locked[Symbol.asyncDispose]());

/** The settings of a gateway on that NATS. */
function flags(): string[] {
  const { secrets } = locked;
  const files = { ca: "ca.pem", cert: "gateway.pem", key: "gateway-key.pem" };
  const named = Object.entries(files).flatMap(([knob, file]) => [`--nats-${knob}`, secrets.path(file)]);
  return ["--nats", locked.urlOf("gateway"), "--nats-inbox", "_INBOX.gateway", ...named];
}

test("A gateway that runs instances, delivers messages, gives tickets and takes tokens back is refused nothing by NATS", async () => {
  const templates = JSON.stringify({ talker: { command: "sh", args: ["-c", "echo hello; exec sleep 1000"] } });
  await using gateway = await startEnforced([...flags(), "--templates", templates, "--org", "acme", "--node", "n1"]);
  const roles = ["viewer", "operator", "publisher"];
  const authorization = `Bearer ${await gateway.token({ roles })}`;
  const ask = async (method: string, path: string, body?: object) => {
    const init = { method, headers: { authorization }, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${gateway.url}/api/${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };

  await ask("POST", "instances", { name: "a", template: "talker" });
  await ask("POST", "instances/a/start");
  await expect.poll(async () => (await ask("GET", "instances/a")).status).toBe("running");
  await expect.poll(async () => JSON.stringify(await ask("GET", "instances/a/logs?lines=10"))).toContain("hello");

  const { message_id: id } = await ask("POST", "messages", { from: "a", to: "b", message_type: "t", payload: {} });
  const { messages } = await ask("GET", "inbox/b?wait=20");
  expect(messages).toMatchObject([{ message_id: id }]);
  await ask("POST", `messages/${id}/ack`, { agent: "b" });

  const { ticket } = await ask("POST", "tickets", { stream: "messages" });
  using client = follow("ws", gateway.url, `messages?ticket=${ticket}`);
  const [snapshot] = await client.count(1);
  expect(snapshot).toMatchObject({ type: "snapshot" });

  await ask("POST", "instances/a/stop");
  await expect.poll(async () => (await ask("GET", "instances/a")).status).toBe("stopped");
  await ask("DELETE", "instances/a");

  await ask("POST", "revocations", { sub: "ann" });
  expect(await client.ended).toEqual({ code: 4401 });
  await expect(ask("GET", "instances")).rejects.toThrow("token_revoked");
  expect(gateway.run.stderr).not.toMatch(/NATS|permission|refused/i);
});
