import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Role, roles } from "../../src/auth/principal.ts";
import { bearer } from "../support/tokens.ts";
import { Asked } from "./isolation-asked.ts";
import { bare, doorkeepers, type Named, type Route, routes } from "./isolation-routes.ts";
import { buses, marks, orgs, Scene, strangers } from "./isolation-scene.ts";
import { addressOf, streams } from "./isolation-streams.ts";
import { askers, tokenOf } from "./isolation-tokens.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const known = Object.entries(routes);
const everybody = await askers();

/** Every set of roles. */
const subsets: readonly (readonly Role[])[] = Array.from({ length: 1 << roles.length }, (_, bits) =>
  roles.filter((_role, i) => bits & (1 << i)),
);

describe.each(buses)("Over the API on %s,", (_, open) => {
  let scene: Scene;
  /** What both orgs have, what the other one has, and what nobody has. */
  let mine: Named;
  let foreign: Named;
  let nowhere: Named;
  let connections: Asked[];

  beforeAll(async () => {
    scene = await Scene.open(open);
    const [acmes = "", globexs = ""] = [await scene.fill("acme", "first"), await scene.fill("globex", "first")];
    for (const org of orgs) await scene.households[org].open();
    const follow = (org: (typeof orgs)[number]) =>
      Asked.http({ url: urlAt(0), path: "/sse/instances", headers: bearer(scene.tokens[org]) });
    connections = await Promise.all(orgs.map((org) => follow(org).until(({ bytes }) => bytes.includes('"type":'))));
    const [ours = "", theirs = ""] = connections.map(
      ({ bytes }) => /^skein-connection\n(.*)$/im.exec(bytes)?.[1] ?? "",
    );
    mine = { name: "shared", message: acmes, connection: ours };
    foreign = { name: strangers.foreign, message: globexs, connection: theirs };
    const gateway = theirs.slice(0, theirs.indexOf("."));
    nowhere = { name: strangers.nowhere, message: "0".repeat(32), connection: `${gateway}.zz.${"A".repeat(16)}` };
  });

  afterAll(async () => {
    for (const asked of connections) asked[Symbol.dispose]();
    await scene[Symbol.asyncDispose]();
  });

  const urlAt = (turn: number) => scene.gateways[turn % scene.gateways.length]?.url ?? "";

  /** Calls a route; of a stream the first frame is enough. */
  async function call(key: string, named: Named, { token, turn = 0, method }: Calling): Promise<Asked> {
    const route = routeOf(key);
    const headers = token === undefined ? {} : bearer(token);
    const said = method ?? key.split(" ")[0] ?? "";
    const body = /GET|HEAD|OPTIONS/.test(said) ? undefined : JSON.stringify(route.body?.(named));
    const asked = Asked.http({ url: urlAt(turn), path: route.path(named), method: said, headers, body });
    const isStream = (bytes: string) => bytes.includes("text/event-stream") && bytes.includes('"type":');
    await asked.until(({ bytes }) => isStream(bytes));
    asked[Symbol.dispose]();
    return asked;
  }

  test("these tests know every route", () => {
    const served = scene.gateways[0]?.skein.app.routes.map(({ method, path }) => `${method} ${path}`) ?? [];
    const others = new Set(served.filter((route) => !doorkeepers.has(route)));
    expect([...others].sort()).toEqual(known.map(([key]) => key).sort());
  });

  test.each(known)("%s tells nobody without a token that counts", async (key, { nobody = 401 }) => {
    const faults: string[] = [];
    for (const { name, token, refused } of everybody.filter((one) => one.refused !== undefined)) {
      for (const named of [mine, foreign, nowhere]) {
        const { status, code, bytes } = await call(key, named, { token });
        const isRight =
          status === nobody && (nobody !== 401 || code === (key === "GET /session" ? "ticket_invalid" : refused));
        if (!isRight || hasMark(bytes)) faults.push(`${name}, ${named.name}: ${bytes}`);
      }
    }
    expect(faults).toEqual([]);
  });

  /** What an answer shows of the other org, on each gateway. */
  async function leaksOf(key: string): Promise<string[]> {
    const faults: string[] = [];
    for (const [turn] of scene.gateways.entries()) {
      const calling = { token: scene.tokens.acme, turn };
      const [theirs, nobodys] = [await call(key, foreign, calling), await call(key, nowhere, calling)];
      if (bare(theirs.bytes, foreign) !== bare(nobodys.bytes, nowhere))
        faults.push(`${theirs.bytes}\n${nobodys.bytes}`);
      const own = await call(key, mine, calling);
      if (!routeOf(key).mine.includes(own.status)) faults.push(own.bytes);
      const seen = [theirs, nobodys, own].map(({ bytes }) => bytes).join();
      if (seen.includes(marks.globex)) faults.push(seen);
    }
    return faults;
  }

  test.each(known)("%s knows nothing of what the other org has", async (key) => {
    expect(await leaksOf(key)).toEqual([]);
  });

  test("no method that is no route says or does anything", async () => {
    const faults: string[] = [];
    for (const [key] of known) {
      for (const method of methods) {
        const [, path = ""] = key.split(" ");
        if (Object.hasOwn(routes, `${method} ${path}`)) continue;
        for (const token of [undefined, scene.tokens.acme]) {
          const { bytes, status } = await call(key, foreign, { token, method });
          const isHead = method === "HEAD" && Object.hasOwn(routes, `GET ${path}`);
          const isRefused = status === 404 || status === 401;
          if (bytes.includes(marks.globex) || !(isRefused || isHead)) faults.push(`${method} ${path}: ${bytes}`);
        }
      }
    }
    expect(faults).toEqual([]);
  });

  test.each(known)("%s needs its role, whatever other roles there are", async (key, { role, nobody }) => {
    const faults: string[] = [];
    for (const held of subsets) {
      const { status, code, bytes } = await call(key, mine, { token: await tokenOf({ roles: held }) });
      const isForbidden = nobody === undefined && role !== undefined && !held.includes(role);
      const isRight = isForbidden ? status === 403 && code === "forbidden" : bytes.includes("needs the role") === false;
      if (!isRight || status >= 500) faults.push(`${held.join(" ")}: ${bytes}`);
    }
    expect(faults).toEqual([]);
  });

  test.each(streams)("$path needs the role viewer, whatever other roles there are", async (stream) => {
    const faults: string[] = [];
    for (const held of subsets) {
      const headers = bearer(await tokenOf({ roles: held }));
      const path = addressOf(stream);
      const question = { url: urlAt(1), headers };
      const isIn = ({ bytes }: Asked) => bytes.includes('"type":');
      const asked = [
        await Asked.ws({ ...question, path: `/ws/${path}` }).until(({ bytes }) => /"type":"(?!error)/.test(bytes)),
        await Asked.http({ ...question, path: `/sse/${path}` }).until(isIn),
        await Asked.http({ ...question, path: `/poll/${path}` }).whole(),
      ];
      const codes = asked.map(({ code, close, status }) => [code, close, status]);
      for (const one of asked) one[Symbol.dispose]();
      const wanted = held.includes("viewer")
        ? [
            [undefined, undefined, 101],
            [undefined, undefined, 200],
            [undefined, undefined, 200],
          ]
        : [
            ["forbidden", 4403, 101],
            ["forbidden", undefined, 403],
            ["forbidden", undefined, 403],
          ];
      if (JSON.stringify(codes) !== JSON.stringify(wanted)) faults.push(`${held.join(" ")}: ${JSON.stringify(codes)}`);
    }
    expect(faults).toEqual([]);
  });

  test("the metrics of those who run the gateway name no org", async () => {
    for (const { url } of scene.gateways) {
      const headers = bearer(await tokenOf({ org: "default", roles: ["operator"] }));
      const { status, bytes } = await Asked.http({ url, path: "/metrics", headers }).whole();
      expect(status).toBe(200);
      expect(bytes).not.toMatch(/acme|globex|hidden|shared|mallory/);
    }
  });

  test("after all that the other org's node was given no command, and nothing of it is any different", async () => {
    expect(scene.households.globex.heard).toEqual([]);
    expect(scene.households.acme.heard.length).toBeGreaterThan(0);
    expect(scene.reports).toEqual([]);
    const headers = bearer(scene.tokens.globex);
    for (const stream of streams) {
      const { bytes } = await Asked.http({ url: urlAt(0), path: `/poll/${addressOf(stream)}`, headers }).whole();
      expect(bytes).not.toMatch(/acme|"boot"|"copy"|acknowledged|delivered/);
    }
  });
});

interface Calling {
  readonly token: string | undefined;
  /** Which gateway is asked. */
  readonly turn?: number;
  /** Another than that of the route. */
  readonly method?: string;
}

function routeOf(key: string): Route {
  const route = routes[key];
  if (route === undefined) throw new Error(`No route ${key}`);
  return route;
}

function hasMark(bytes: string): boolean {
  return Object.values(marks).some((mark) => bytes.includes(mark));
}
