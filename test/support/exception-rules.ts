import type { Check } from "./rules.ts";
import { isNode, type Node, type RawNode, type Source } from "./source.ts";

const timers = /^(setTimeout|setInterval|setImmediate|queueMicrotask)$/;
const listening = /^(on|once|addListener|prependListener|addEventListener)$/;

/** What runs in a browser has rules of its own, and a command of the command line may end with an exception. */
function isServed({ path }: Source): boolean {
  if (!path.startsWith("src/") || /^src\/(client|dashboard)\//.test(path)) return false;
  return (
    !path.startsWith("src/cli/") ||
    /^src\/cli\/(start|node|agent|bus|first-instances|exceptions|signals)\.ts$/.test(path)
  );
}

/** One line for every node of what serves that `judge` finds fault with; the `homes` of what it looks for are passed over. */
function faulty(homes: readonly string[], judge: (node: Node, source: Source) => string | undefined): Check {
  return (sources) =>
    sources
      .filter((source) => isServed(source) && !homes.includes(source.path))
      .flatMap((source) =>
        source.nodes.flatMap((node) => {
          const fault = judge(node, source);
          return fault ? [`${source.path}:${node.line}: ${fault}`] : [];
        }),
      );
}

/** Every promise that nothing awaits and nothing catches, as far as its syntax shows it; the linter knows types. */
export function detachedPromises(): Check {
  return faulty([], ({ raw }) => {
    const isVoid = raw.type === "UnaryExpression" && raw.operator === "void";
    return isVoid ? "void hides a promise from the linter; use inBackground" : undefined;
  });
}

/** Every timer and every turn of the event loop taken elsewhere than where exceptions are isolated. */
export function rawTimers(homes: readonly string[]): Check {
  return faulty(homes, ({ raw }, source) => {
    if (raw.type !== "CallExpression") return undefined;
    const name = nameOf(raw.callee);
    const isTick = name === "nextTick" && nameOf(objectOf(raw.callee)) === "process";
    if (!isTick && !(isNode(raw.callee) && raw.callee.type === "Identifier" && timers.test(name))) return undefined;
    const isPromise = source.imports.some(({ from }) => from === "node:timers/promises");
    if (isPromise || isEmpty(argumentOf(raw, 0))) return undefined;
    return `${name} runs what no handler looks after; use a clock, atEndOfTurn or afterThis`;
  });
}

/** Every listener of events whose exceptions would end the process. */
export function bareListeners(): Check {
  return faulty([], ({ raw }, { text }) => {
    if (raw.type !== "CallExpression" || !isNode(raw.callee) || raw.callee.type !== "MemberExpression")
      return undefined;
    const name = nameOf(raw.callee);
    const listener = argumentOf(raw, 1);
    if (!listening.test(name) || listener === undefined || isHarmless(listener, text)) return undefined;
    return `the listener of "${name}" has no handler; use isolated`;
  });
}

/** Every catch that takes everything without a word why. */
export function silentCatches(): Check {
  return faulty([], ({ raw, line }, { text }) => {
    const isSilent = raw.type === "CallExpression" && nameOf(raw.callee) === "catch" && isEmpty(argumentOf(raw, 0));
    if (!isSilent) return undefined;
    const end = text.slice(0, raw.end).split("\n").length;
    const lines = text.split("\n").slice(Math.max(0, line - 2), end);
    return lines.some((found) => found.includes("//")) ? undefined : "a catch that takes everything says why above it";
  });
}

/** Every reading of JSON that does not go through the one door for what comes from outside. */
export function strayJson(homes: Readonly<Record<string, string>>): Check {
  return faulty(Object.keys(homes), ({ raw }) => {
    const isParse = raw.type === "CallExpression" && nameOf(raw.callee) === "parse";
    return isParse && nameOf(objectOf(raw.callee)) === "JSON" ? "JSON is parsed by src/protocol/json.ts" : undefined;
  });
}

function isHarmless(listener: RawNode, text: string): boolean {
  if (listener.type === "CallExpression") return nameOf(listener.callee) === "isolated";
  if (listener.type === "Identifier") {
    const name = nameOf(listener);
    return /^(resolve|reject)$/.test(name) || text.includes(` ${name} = isolated(`);
  }
  // A field or variable is judged where it is made.
  if (listener.type === "MemberExpression") return true;
  if (isEmpty(listener)) return true;
  const { body } = listener;
  const isCall = isNode(body) && body.type === "CallExpression";
  return isCall && /^(destroy|close|delete|take|inBackground)$/.test(nameOf(body.callee));
}

/** A function that does nothing. */
function isEmpty(value: unknown): boolean {
  if (!isNode(value) || !/^(Arrow)?Function/.test(value.type)) return false;
  const { body } = value;
  return isNode(body) && body.type === "BlockStatement" && Array.isArray(body.body) && body.body.length === 0;
}

/** What an identifier, or the last part of a member expression, is called. */
function nameOf(value: unknown): string {
  if (!isNode(value)) return "";
  if (value.type === "MemberExpression") return nameOf(value.property);
  return typeof value.name === "string" ? value.name : "";
}

function objectOf(callee: unknown): unknown {
  return isNode(callee) ? callee.object : undefined;
}

function argumentOf({ arguments: given }: RawNode, index: number): RawNode | undefined {
  const found = Array.isArray(given) ? given[index] : undefined;
  return isNode(found) ? found : undefined;
}
