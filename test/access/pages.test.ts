import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Asks with any headers, the `Host` among them; of a stream that does not end it reads the head. */
function ask(address: string, headers: Readonly<Record<string, string>>, method = "GET"): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(address, { method, headers: { ...headers }, setHost: headers.host === undefined });
    sent.on("response", async (response) => {
      const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true;
      const text = isStream ? "" : Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      sent.destroy();
    });
    sent.on("error", reject);
    sent.end(method === "POST" ? "{}" : undefined);
  });
}

let gateway: Gateway;
let sharing: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ auth: { ...openWithKey, allowHost: ["skein.example.com"] } });
  sharing = await startGateway({ auth: { ...openWithKey, allowOrigin: ["https://app.example.com"] } });
});

afterAll(async () => {
  await gateway.close();
  await sharing.close();
});

const everywhere = ["/sse/instances", "/poll/instances", "/api/instances", "/api/streams", "/"];

describe("A page of another site", () => {
  test.each(everywhere)("gets nothing from %s, whoever is logged in", async (path) => {
    const cookie = `skein_session=${await token()}`;
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1"]) {
      const { status, headers, text } = await ask(gateway.url + path, { origin, cookie });
      expect([status, JSON.parse(text).code]).toEqual([403, "forbidden_origin"]);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  test.each(["/sse/instances", "/poll/instances", "/api/instances", "/api/inbox/web-1"])(
    "cannot make a browser ask for %s as an image or by a link",
    async (path) => {
      for (const site of ["cross-site", "same-site"]) {
        const { status } = await ask(gateway.url + path, { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" });
        expect(status).toBe(403);
      }
      expect((await ask(gateway.url + path, { "sec-fetch-site": "same-origin" })).status).toBe(200);
    },
  );

  test("gets nothing by making its own name point to us", async () => {
    for (const path of everywhere) {
      const { status, text } = await ask(gateway.url + path, { host: "evil.example:8000" });
      expect([status, JSON.parse(text).code]).toEqual([403, "forbidden_host"]);
    }
    for (const host of ["localhost:1", "127.0.0.1", "[::1]:80", "gateway-1:8000", "skein.example.com", "10.1.2.3:8"]) {
      expect((await ask(`${gateway.url}/api/instances`, { host })).status).toBe(200);
    }
  });

  test("can be allowed: it may then ask with a token of its own, but never with our cookie", async () => {
    const origin = "https://app.example.com";
    for (const path of ["/sse/instances", "/poll/instances", "/api/instances"]) {
      const { status, headers } = await ask(sharing.url + path, { origin });
      expect([status, headers["access-control-allow-origin"]]).toEqual([200, origin]);
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    }
    const preflight = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    };
    const { status, headers } = await ask(`${sharing.url}/api/tickets`, preflight, "OPTIONS");
    expect([status, headers["access-control-allow-origin"]]).toEqual([204, origin]);
    expect(String(headers["access-control-allow-headers"])).toContain("Authorization");
    const other = await ask(`${sharing.url}/api/instances`, { origin: "https://evil.example" });
    expect([other.status, other.headers["access-control-allow-origin"]]).toEqual([403, undefined]);
    const cookie = `skein_session=${await token({ org: "globex" })}`;
    const { text } = await ask(`${sharing.url}/api/session`, { origin, cookie });
    expect(JSON.parse(text)).toMatchObject({ subject: "anonymous" });
  });
});

describe("Our own page", () => {
  test("runs no script, style or image but its own, in no frame, and tells nobody where it was", async () => {
    for (const path of ["/", "/page.js", "/api/instances", "/nothing"]) {
      const { headers } = await ask(gateway.url + path, {});
      expect(headers["content-security-policy"]).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      });
    }
  });
});
