import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as exceptions from "./support/exception-rules.ts";
import * as rule from "./support/rules.ts";
import { parseSource, readSources } from "./support/source.ts";

/** The rooms that put the others together. They may open any door but the dashboard's, which is only ever served. */
const composers = ["cli", "skein", "app", "server", "index"];

/** Which room may open which door; `types` may only be looked at. */
const doors: Readonly<Record<string, rule.Doors>> = {
  protocol: { open: [] },
  metrics: { open: [] },
  config: { open: ["knobs"], types: ["stream"] },
  knobs: { open: [] },
  bus: { open: ["protocol"] },
  auth: { open: ["protocol"], types: ["bus"] },
  limits: { open: ["protocol"] },
  stream: { open: ["protocol"], types: ["auth", "bus"] },
  fragments: { open: ["protocol"] },
  streams: { open: ["stream", "protocol", "fragments"] },
  hub: { open: ["protocol", "stream", "bus", "metrics"], types: ["auth"] },
  transport: { open: ["protocol", "stream", "bus", "metrics", "hub", "auth", "limits"] },
  logs: { open: ["bus", "protocol"] },
  supervisor: { open: ["bus", "protocol"] },
  fleet: { open: ["bus", "protocol"] },
  mail: { open: ["bus", "protocol"] },
  tools: { open: ["bus", "protocol"] },
  publisher: { open: ["bus", "protocol"] },
  api: { open: ["bus", "auth", "limits", "protocol", "stream", "hub", "metrics", "fleet", "mail"] },
  client: { open: ["protocol"] },
  dashboard: { open: ["client", "protocol"] },
};

function doorsOf(room: string): rule.Doors | undefined {
  const all = [...Object.keys(doors), ...composers];
  return composers.includes(room) ? { open: all.filter((other) => other !== "dashboard") } : doors[room];
}

/** Where programs beside the product may enter it. */
const publicEntries = ["src/index.ts", "src/client/index.ts", "src/publisher/index.ts"];

/** The only files that may import a package, as patterns. */
const homes: Readonly<Record<string, RegExp>> = {
  nats: /^src\/bus\//,
  ws: /^src\/(transport\/ws(-connection)?\.ts$|cli\/)/,
  jose: /^src\/auth\/jwt\.ts$/,
  react: /^src\/client\/react\.ts$/,
  dompurify: /^src\/client\/fragments\.ts$/,
  "node:sqlite": /^src\/bus\/embedded[^/]*\.ts$/,
  "node:child_process": /^src\/(supervisor\/|cli\/child\.ts$)/,
  "node:fs": /^src\/(logs\/|supervisor\/|cli\/|config\.ts$|api\/site\.ts$|bus\/embedded[^/]*\.ts$)/,
  svelte: /^src\/dashboard\//,
  uplot: /^src\/dashboard\//,
  "@dagrejs/dagre": /^src\/dashboard\//,
  anser: /^src\/dashboard\//,
};

/** The only files that may take a timer or a turn of the event loop: they isolate what runs then. */
const timerHomes = ["src/protocol/clock.ts", "src/bus/turn.ts"];

/** The only files that parse JSON themselves, and what theirs is. */
const jsonHomes: Readonly<Record<string, string>> = {
  "src/protocol/json.ts": "the door",
  "src/bus/credentials.ts": "a file of the operator",
  "src/bus/jetstream.ts": "what the server answers",
  "src/bus/probe.ts": "what the server answers",
  "src/cli/first-instances.ts": "a file of our own",
  "src/config.ts": "a file of the operator",
  "src/knobs/kinds.ts": "a setting of the operator",
  "src/publisher/http-outlet.ts": "what a gateway answers",
  "src/transport/rooms.ts": "a frame of our own",
};

/** One rule of the house. */
interface Rule {
  readonly sentence: string;
  readonly check: rule.Check;
  /** Small files that break the rule, and what the rule says about each fault in them. */
  readonly broken: Readonly<Record<string, string>>;
  readonly says: readonly (string | RegExp)[];
}

const rules: readonly Rule[] = [
  {
    sentence: "a room opens only the doors that are its own",
    check: rule.closedDoors(doorsOf),
    broken: {
      "src/protocol/a.ts": 'import { x } from "../bus/bus.ts";',
      "src/hub/a.ts": '\nimport type { P } from "../auth/p.ts";\nimport { p } from "../auth/p.ts";',
      "src/streams/a.ts": 'export type { B } from "../bus/bus.ts";\ntype C = import("../hub/hub.ts").C;',
      "src/cli/a.ts": 'const page = await import("../dashboard/page.js");',
      "src/attic/a.ts": 'import "../bus/bus.ts";',
      "src/dashboard/a.svelte":
        '<script module>\n  import "../hub/hub.ts";\n</script>\n<p>import "../fleet/fleet.ts"</p>\n' +
        '<script lang="ts">\n  import B from "./b.svelte";\n  import type { X } from "../bus/bus.ts";\n</script>\n',
    },
    says: [
      "src/protocol/a.ts:1: protocol must not open the door to bus",
      "src/hub/a.ts:3: hub must not open the door to auth but for types",
      "src/streams/a.ts:1: streams must not open the door to bus",
      "src/streams/a.ts:2: streams must not open the door to hub",
      "src/cli/a.ts:1: cli must not open the door to dashboard",
      "src/attic/a.ts:1: the room attic has no row in the table of doors",
      "src/dashboard/a.svelte:2: dashboard must not open the door to hub",
      "src/dashboard/a.svelte:7: dashboard must not open the door to bus",
    ],
  },
  {
    sentence: "examples and benchmarks come in through a public entry",
    check: rule.sideDoors(publicEntries),
    broken: { "bench/a.ts": 'import "../src/index.ts";\nimport "../src/hub/hub.ts";' },
    says: ["bench/a.ts:2: src/hub/hub.ts is not a public entry"],
  },
  {
    sentence: "no imports go round in a circle, types counted",
    check: rule.cycles,
    broken: {
      "src/a.ts": 'import "./b.ts";',
      "src/b.ts": 'import type { C } from "./c.ts";',
      "src/c.ts": '\nimport "./b.ts";',
    },
    says: ["src/c.ts:2: closes src/b.ts → src/c.ts → src/b.ts"],
  },
  {
    sentence: "a package is imported in its home only",
    check: rule.strayPackages(homes),
    broken: {
      "src/hub/a.ts":
        'import ws from "ws";\nimport { readFile } from "node:fs/promises";\nimport { spawn } from "child_process";',
      "src/transport/ws.ts": 'import ws from "ws";',
      "src/bus/embedded-log.ts": 'import { DatabaseSync } from "node:sqlite";',
      "src/dashboard/a.svelte": '<script>\n  import uPlot from "uplot";\n  import "nats";\n</script>',
    },
    says: [
      "src/hub/a.ts:1: ws has another home",
      "src/hub/a.ts:2: node:fs/promises has another home",
      "src/hub/a.ts:3: child_process has another home",
      "src/dashboard/a.svelte:3: nats has another home",
    ],
  },
  {
    sentence: "a file has at most 300 lines",
    check: rule.longFiles,
    broken: {
      "src/a.ts": "a();\n".repeat(300),
      "test/b.ts": "b();\n".repeat(301),
      "src/dashboard/c.svelte": `<script>\n</script>\n${"<p></p>\n".repeat(299)}`,
    },
    says: ["test/b.ts", "src/dashboard/c.svelte"].map((path) => `${path}:301: the file has 301 lines, more than 300`),
  },
  {
    sentence: "a function has at most 40 lines",
    check: rule.longFunctions,
    broken: {
      "src/a.ts": `function a() {${"\n".repeat(39)}}\n/* 😀 */ const b = () => {${"\n".repeat(40)}};`,
      "src/c.ts": `class C {\n  #d(x: string) {${"\n".repeat(40)}}\n}`,
      "test/d.ts": `() => {${"\n".repeat(40)}}`,
    },
    says: [
      "src/a.ts:41: the function has 41 lines, more than 40",
      "src/c.ts:2: the function has 41 lines, more than 40",
    ],
  },
  {
    sentence: "no file or folder is called after nothing",
    check: rule.emptyWords,
    broken: { "src/utils/a.ts": "a", "src/hub/types.ts": "a", "src/hub/typesetter.ts": "a" },
    says: [/^src\/utils\/a\.ts:1: "utils"/, /^src\/hub\/types\.ts:1: "types\.ts"/],
  },
  {
    sentence: "only src/config.ts reads the environment",
    check: rule.strayEnvironment,
    broken: {
      "src/config.ts": "process.env.A;",
      "src/a.ts":
        'process.env.A;\nglobalThis.process["env"];\nconst { pid } = process, { env } = process;\nimport { env as e } from "node:process";\nx.env;',
    },
    says: [1, 2, 3, 4].map((line) => `src/a.ts:${line}: only src/config.ts reads the environment`),
  },
  {
    sentence: "nothing but a public entry exports all of another file",
    check: rule.barrels(publicEntries),
    broken: { "src/index.ts": 'export * from "./a.ts";', "src/hub/a.ts": 'export * as b from "./b.ts";' },
    says: ["src/hub/a.ts:1: export * hides where a name lives"],
  },
  {
    sentence: "the protocol knows nothing that only Node has",
    check: rule.nodeInProtocol,
    broken: { "src/protocol/a.ts": 'import "node:util";\nimport "./b.ts";\nBuffer.from("");\nlet t: NodeJS.Timeout;' },
    says: ["node:util", "Buffer", "NodeJS"].map(
      (name) => new RegExp(`^src/protocol/a.ts:\\d: a browser has no ${name}$`),
    ),
  },
  {
    sentence: "a promise that nothing awaits has a handler",
    check: exceptions.detachedPromises(),
    broken: {
      "src/hub/a.ts": "void work();\nconst f = () => void work();\nlet x: void;",
      "src/client/a.ts": "void work();",
      "src/cli/ps.ts": "void work();",
    },
    says: [1, 2].map((line) => `src/hub/a.ts:${line}: void hides a promise from the linter; use inBackground`),
  },
  {
    sentence: "timers and turns of the event loop are taken where exceptions are isolated",
    check: exceptions.rawTimers(timerHomes),
    broken: {
      "src/protocol/clock.ts": "setTimeout(f, 1);",
      "src/hub/a.ts":
        "setTimeout(f, 1);\nsetInterval(f, 1);\nsetImmediate(f);\nqueueMicrotask(f);\nprocess.nextTick(f);\nsetInterval(() => {}, 1);",
      "src/logs/a.ts": 'import { setTimeout } from "node:timers/promises";\nawait setTimeout(1);',
    },
    says: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "nextTick"].map(
      (name, i) =>
        `src/hub/a.ts:${i + 1}: ${name} runs what no handler looks after; use a clock, atEndOfTurn or afterThis`,
    ),
  },
  {
    sentence: "a listener of events has a handler",
    check: exceptions.bareListeners(),
    broken: {
      "src/transport/a.ts":
        'a.on("b", () => f());\na.once("b", f);\na.addEventListener("b", (c) => {\n  f(c);\n});\n' +
        'a.on("error", () => {});\na.on("error", () => a.destroy());\na.once("error", reject);\na.on("b", isolated("b", f, r));',
    },
    says: [
      'src/transport/a.ts:1: the listener of "on" has no handler; use isolated',
      'src/transport/a.ts:2: the listener of "once" has no handler; use isolated',
      'src/transport/a.ts:3: the listener of "addEventListener" has no handler; use isolated',
    ],
  },
  {
    sentence: "a catch that takes everything says why",
    check: exceptions.silentCatches(),
    broken: {
      "src/mail/a.ts":
        "a.catch(() => {});\n// It comes again.\nb.catch(() => {});\nc.catch(report);\nd\n  .catch(function () {});",
    },
    says: [1, 5].map((line) => `src/mail/a.ts:${line}: a catch that takes everything says why above it`),
  },
  {
    sentence: "JSON from outside has one door",
    check: exceptions.strayJson(jsonHomes),
    broken: { "src/hub/a.ts": "JSON.parse(text);\nJSON.stringify(text);", "src/config.ts": "JSON.parse(text);" },
    says: ["src/hub/a.ts:1: JSON is parsed by src/protocol/json.ts"],
  },
];

describe("in this house", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = readSources(root, ["src", "test", "bench", "examples", "scripts"]);

  test.each(rules)("$sentence", ({ check }) => {
    expect(check(sources)).toEqual([]);
  });
});

describe("a rule notices when it is broken:", () => {
  test.each(rules)("$sentence", ({ check, broken, says }) => {
    const found = check(Object.entries(broken).map(([path, text]) => parseSource(path, text)));
    expect(found).toEqual(says.map((one) => (typeof one === "string" ? one : expect.stringMatching(one))));
  });
});
