import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Run, skein } from "../support/process.ts";
import { bearer } from "../support/tokens.ts";
import { Asked } from "./isolation-asked.ts";
import { buses, marks, orgs, Scene, strangers } from "./isolation-scene.ts";
import { askers } from "./isolation-tokens.ts";

const [[, open] = []] = buses;

describe("On the command line, with a token of one org,", () => {
  let scene: Scene;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    if (open === undefined) throw new Error("There is no bus");
    scene = await Scene.open(open);
    for (const org of orgs) await scene.fill(org, "first");
    for (const org of orgs) await scene.households[org].open();
    env = { SKEIN_URL: scene.gateways[0]?.url ?? "", SKEIN_TOKEN: scene.tokens.acme };
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  test.concurrent.each([[["ps", "-a", "--json"]], [["templates"]], [["logs", "shared", "--json"]]])(
    "%j shows that org alone",
    async (args) => {
      const { code, stdout, stderr } = await skein(args, { env });
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(marks.acme);
      expect(stdout).not.toContain(marks.globex);
    },
  );

  test.concurrent.each([["messages"]])("listen %s shows that org alone, in the past and live", async (stream) => {
    await using run = new Run(["listen", stream], { env });
    await run.until(({ stdout }) => stdout.includes("first"));
    for (const org of ["globex", "acme"] as const) await scene.fill(org, `live-${stream}`);
    await run.until(({ stdout }) => stdout.includes(`${marks.acme}-live-${stream}`));
    expect(run.stdout + run.stderr).not.toContain(marks.globex);
  });

  test.concurrent.each([
    [["up"], []],
    [["logs"], []],
    [["inbox"], ["--json"]],
  ])("%j says of what the other org has what it says of what nobody has", async (before, after) => {
    const said = async (name: string) => {
      const { code, stdout, stderr } = await skein([...before, name, ...after], { env });
      return [code, `${stdout}${stderr}`.replaceAll(name, "NAME")];
    };
    expect(await said(strangers.foreign)).toEqual(await said(strangers.nowhere));
  });

  test.concurrent("a token that does not count shows nothing, whatever it says", async () => {
    const forged = (await askers()).find(({ name }) => name.includes("other claims under its signature"));
    const ran = await skein(["ps", "-a", "--json"], { env: { ...env, SKEIN_TOKEN: forged?.token ?? "" } });
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).not.toMatch(/-mark-/);
  });

  test("what one revokes is of that org alone", async () => {
    for (const args of [
      ["--sub", "gus"],
      ["--org", "--yes"],
    ]) {
      expect(await skein(["revoke", ...args], { env })).toMatchObject({ code: 0 });
    }
    const statusFor = async (token: string) => {
      const question = { url: env.SKEIN_URL ?? "", path: "/api/session", headers: bearer(token) };
      return (await Asked.http(question).whole()).code;
    };
    expect(await statusFor(scene.tokens.acme)).toBe("token_revoked");
    expect(await statusFor(scene.tokens.globex)).toBeUndefined();
    expect(scene.reports).toEqual([]);
  });
});
