import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { bearer } from "../support/tokens.ts";
import { Asked } from "./isolation-asked.ts";
import { addressOf, firstOf, placeOf, served, streams } from "./isolation-streams.ts";
import { askers, strict, tokenOf } from "./isolation-tokens.ts";

const everybody = await askers();
const stored = streams.filter((stream) => stream.kind === "table" || stream.kind === "feed");

/** What is published in each stream that is stored, with the org in it. */
const bodies: Readonly<Record<string, (text: string) => object>> = {
  instances: (text) => ({ status: "running", note: text }),
  messages: (text) => ({ event: "sent", from: "shared", to: "shared", message_type: text }),
  runs: (text) => ({ type: "boot", crew_id: "c1", text }),
  plans: (text) => ({ crew_id: "c1", text }),
  desks: (text) => ({ text }),
  mission: (note) => ({ status: "busy", note }),
  graph: (tool) => ({ type: "tool_start", tool }),
  tasks: (task_id) => ({ type: "task_update", task_id, data: {} }),
  attacks_jobs: (name) => ({ type: "attack.progress", name, progress: 1 }),
  agents: (name) => ({ type: "agent.heartbeat", name }),
  cracks: (hash_type) => ({ type: "crack.submitted", hash_type }),
  swarm: (status) => ({ status }),
};

describe("In mode open", () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway({ auth: { ...strict, mode: "open" }, streams: served });
    for (const org of ["default", "acme"]) {
      const token = await tokenOf({ org });
      for (const { store, subject } of stored) {
        const tail = firstOf(subject).replaceAll(".", "/").replace(":crew_id", "c1").replaceAll(/:\w+/g, "shared");
        await gateway.publish(tail, bodies[store]?.(`mark-of-${org}`), token);
      }
    }
  });

  afterAll(() => gateway.close());

  const ask = (transport: string, address: string, headers: Readonly<Record<string, string>>) => {
    const question = { url: gateway.url, path: `/${transport}/${address}`, headers };
    const asked = transport === "ws" ? Asked.ws(question) : Asked.http(question);
    return asked.until(({ bytes }) => bytes.includes('"type":') && bytes.includes("mark-of-"));
  };

  test.each(stored)(
    "somebody without a token sees of $path the org default alone, and nothing that needs one",
    async (stream) => {
      for (const transport of transports) {
        using asked = await ask(transport, placeOf(stream), {});
        expect(asked.bytes).not.toContain("mark-of-acme");
        if (stream.access.needsToken) expect(asked.code).toBe("token_required");
        else expect(asked.bytes).toContain("mark-of-default");
      }
    },
  );

  test.each(stored)("somebody with a token of another org sees of $path that org alone", async (stream) => {
    for (const transport of transports) {
      using asked = await ask(transport, placeOf(stream), bearer(await tokenOf({ org: "acme" })));
      expect(asked.bytes).toContain("mark-of-acme");
      expect(asked.bytes).not.toContain("mark-of-default");
    }
  });

  test.each(stored)(
    "whoever shows a token that does not count is not taken for somebody without one, at $path",
    async (stream) => {
      for (const { name, token, refused } of everybody) {
        if (refused === undefined || token === undefined) continue;
        for (const transport of transports) {
          using asked = await ask(transport, addressOf(stream), bearer(token));
          expect([asked.status, asked.code], `${name} over ${transport}`).toEqual([401, refused]);
          expect(asked.bytes).not.toContain("mark-of-");
        }
      }
    },
  );
});
