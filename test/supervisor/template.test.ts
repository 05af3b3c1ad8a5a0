import { describe, expect, test } from "vitest";
import { commandLineOf } from "../../src/supervisor/params.ts";
import { infoOf, parseTemplates } from "../../src/supervisor/template.ts";

const record = {
  name: "a",
  status: "stopped",
  port: 8123,
  pid: null,
  archived_at: null,
  node: "n1",
  template: "web",
  params: { word: "x y {name}" },
  created_at: "",
  exit_code: null,
  restarts: 0,
} as const;

describe("a template", () => {
  test("has a default for everything but its command", () => {
    const { web } = parseTemplates({ web: { command: "serve" } });
    expect(web).toMatchObject({
      args: [],
      cwd: ".",
      stop: { signal: "SIGTERM", graceMs: 5000 },
      health: { kind: "none", path: "/", everyMs: 500, timeoutMs: 1000, failures: 3, startMs: 30_000 },
      restart: { policy: "on-failure", backoff: { fromMs: 500, toMs: 30_000 }, giveUpAfter: 5, withinMs: 60_000 },
      log: { bytes: 10_485_760, files: 5 },
    });
    expect(web && commandLineOf(web, record)).toEqual({ command: "serve", args: [], env: {}, cwd: "." });
  });

  test("has its placeholders replaced once, and a value stays one argument", () => {
    const { web } = parseTemplates({
      web: {
        command: "serve",
        args: ["--port={port}", "{word}", "{{word}}", '{"json": {}}', "{name}@{node}"],
        env: { GREETING: "hello {word}" },
        cwd: "/srv/{name}",
        params: { word: { pattern: ".*" } },
        port: { from: 8000, to: 9000 },
      },
    });
    expect(web && commandLineOf(web, record)).toEqual({
      command: "serve",
      args: ["--port=8123", "x y {name}", "{word}", '{"json": {}}', "a@n1"],
      env: { GREETING: "hello x y {name}" },
      cwd: "/srv/a",
    });
  });

  test("tells clients its parameters, never its command", () => {
    const { web } = parseTemplates({
      web: { command: "serve", description: "A server.", params: { a: {}, b: { default: "c" } } },
    });
    expect(web && infoOf("web", web)).toEqual({ name: "web", description: "A server.", params: { a: null, b: "c" } });
  });

  test.each([
    [{}, 'Template "web", field command: '],
    [{ command: "" }, 'Template "web", field command: '],
    [{ command: "x", shell: true }, 'Template "web": Unrecognized key: "shell"'],
    [{ command: "x", args: ["{prot}"] }, 'Template "web", field args.0: {prot} stands for nothing'],
    [{ command: "x", env: { A: "{port}" } }, 'Template "web", field env.A: {port} stands for nothing'],
    [{ command: "x", cwd: "/srv/{a}" }, 'Template "web", field cwd: {a} stands for nothing'],
    [{ command: "x", args: ["a\0"] }, 'Template "web", field args.0: must not contain a NUL'],
    [{ command: "x", params: { name: {} } }, 'Template "web", field params.name: is always there by itself'],
    [
      { command: "x", params: { a: { pattern: "(" } } },
      'Template "web", field params.a.pattern: is no regular expression',
    ],
    [{ command: "x", params: { a: { default: "a b" } } }, 'Template "web", field params.a.default: does not match'],
    [{ command: "x", port: { from: 2, to: 1 } }, 'Template "web", field port: ends before it begins'],
    [{ command: "x", health: { kind: "tcp" } }, 'Template "web", field health.kind: tcp needs a "port"'],
    [{ command: "x", stop: { signal: "SIGKILL" } }, 'Template "web", field stop.signal: '],
    [{ command: "x", restart: { policy: "sometimes" } }, 'Template "web", field restart.policy: '],
    [{ command: "x", log: { bytes: 1 } }, 'Template "web", field log.bytes: '],
  ])("that cannot be used is named with its field: %j", (web, message) => {
    expect(() => parseTemplates({ web })).toThrow(message);
  });

  test("is named with every other one that cannot be used", () => {
    const parse = () => parseTemplates({ a: {}, "b c": { command: "x" }, d: 1 });
    expect(parse).toThrow(/^Template "a".*\nTemplate "b c" has no plain name\nTemplate "d": .*$/s);
  });
});
