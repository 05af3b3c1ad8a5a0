import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadTemplates } from "../../src/cli/fragments.ts";
import { render } from "../../src/fragments/fragment.ts";
import { streamsWith } from "../../src/streams/all.ts";
import { follow } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { makeFolder, skein, startSkein } from "../support/process.ts";
import { openWithKey, token } from "../support/tokens.ts";

const good =
  "export default ({ id }, { html, selector }) => ({ html: html`<b>$" +
  "{id}</b>`, refresh_target: selector('id', id) });";

async function faultOf(file: string, text: string): Promise<string> {
  using folder = makeFolder();
  writeFileSync(join(folder.path, file), text);
  const loaded = await loadTemplates(folder.path).then(
    () => "none",
    (thrown: Error) => thrown.message,
  );
  return loaded.replace(`${folder.path}/`, "");
}

describe("A folder of templates", () => {
  test("replaces those that it has a module for", async () => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "attack.mjs"), good);
    writeFileSync(join(folder.path, "README.md"), "Our templates");
    const streams = streamsWith(await loadTemplates(folder.path));
    await using gateway = await startGateway({ streams, auth: openWithKey });
    const own = await token();
    using client = follow("ws", gateway.url, "live/campaigns", own);
    await client.count(1);
    await gateway.publish("attacks/a%22%5C1", { type: "attack.progress", progress: 1 }, own);
    await gateway.publish("jobs/j1", { type: "job.progress", progress: 1 }, own);
    const [, attack, job] = await client.count(3);
    expect(attack).toMatchObject({ html: "<b>a&quot;\\1</b>", refresh_target: '[id="a\\22 \\5c 1"]' });
    expect(job?.html).toContain('class="job"');
  });

  test.each([
    ["atack.js", good, "atack.js in "],
    ["attack.js", "export const x = 1;", "attack.js is no template: its default export must be a function"],
    ["attack.js", "export default (", "attack.js cannot be loaded: "],
    ["attack.js", "export default () => { throw new Error('oh') };", 'The template "attack" failed: oh'],
    [
      "job.ts",
      "export default (event: { name: string }) => event.name.length.toFixed.call({});",
      'The template "job" failed: ',
    ],
    ["agent.js", "export default ({ id }) => ({ html: `<b>` + id });", "with the tag html, which escapes every value"],
    ["crack.js", "export default () => '<b></b>';", "must return {html, refresh_target?}"],
    [
      "crack.js",
      "export default (_, { html }) => ({ html: html`$" + "{Promise.resolve(1)}` });",
      "its html is a promise",
    ],
    ["crack.js", "export default (_, { html }) => ({ html: html`a`, refresh_target: 7 });", "a text as refresh_target"],
  ])("with %s, %s, is refused with a clear word", async (file, text, fault) => {
    expect(await faultOf(file, text)).toContain(fault);
  });

  test("that is not there is refused at the start, and one that is there is used", async () => {
    const missing = await skein(["start", "--port", "0", "--data", ":memory:", "--fragments", "nowhere"]);
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain("The folder of fragments, nowhere, cannot be read");
    using folder = makeFolder();
    writeFileSync(join(folder.path, "crack.ts"), "export default () => 1;");
    const broken = await skein(["start", "--port", "0", "--data", ":memory:", "--fragments", folder.path]);
    expect(broken.stderr).toContain(`crack.ts cannot be used. The template "crack" must return`);
    writeFileSync(join(folder.path, "crack.ts"), good);
  });

  test("may be written in TypeScript", async () => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "crack.ts"), good);
    await using started = await startSkein(["--data", ":memory:", "--fragments", folder.path]);
    expect((await fetch(`${started.url}/readyz`)).status).toBe(200);
  });
});

test("A template that fails for an event says which one it is", () => {
  const template = () => {
    throw new Error("oh");
  };
  expect(() => render("attack", template, {})).toThrow('The template "attack" failed: oh');
});
