import type { JournalSpec, StoreSpec } from "../bus/bus.ts";
import { anyOrg, decodeToken, encodeToken } from "../protocol/subject.ts";
import type { FeedDefinition, SourcedDefinition, StoredDefinition, TableDefinition } from "./define.ts";
import type { Params, Pattern } from "./path.ts";

/** What the bus calls a stream's values: the tail of its subjects, `*` for every name that `known` does not have. */
export function tailOf({ subjectPattern }: SourcedDefinition, known: Params): string {
  const token = (name: string) => (Object.hasOwn(known, name) ? encodeToken(known[name] ?? "") : "*");
  return subjectPattern.fill(token).join(".");
}

/** The same, once for every choice among the words that a name may stand for. */
export function tailsOf({ subjectPattern }: SourcedDefinition, known: Params): string[] {
  const tokens = Object.fromEntries(Object.entries(known).map(([name, value]) => [name, encodeToken(value)]));
  return subjectPattern.expand(tokens).map((tail) => tail.join("."));
}

/** The owned subject's tail of a table's row, or undefined when the table has none. */
export function ownedTailOf({ ownedPattern }: TableDefinition, names: Params): string | undefined {
  return ownedPattern?.fill((name) => encodeToken(names[name] ?? "")).join(".");
}

/** The names within a subject's tail, decoded; undefined when the tail belongs to another stream or hides an odd name. */
export function namesIn({ subjectPattern }: SourcedDefinition, tail: string): Params | undefined {
  return decoded(subjectPattern, tail);
}

/** The same for an owned subject. */
export function namesInOwned({ ownedPattern }: TableDefinition, tail: string): Params | undefined {
  return ownedPattern && decoded(ownedPattern, tail);
}

function decoded(pattern: Pattern, tail: string): Params | undefined {
  const tokens = pattern.match(tail.split("."));
  if (tokens === undefined) return undefined;
  const names: Record<string, string> = {};
  for (const [name, token] of Object.entries(tokens)) {
    const decoded = decodeToken(token);
    if (decoded === undefined) return undefined;
    names[name] = decoded;
  }
  return names;
}

/** The part of a message's names that a channel is known by: those that the path has too. */
export function paramsOf({ pathPattern }: SourcedDefinition, names: Params): Params {
  const params: Record<string, string> = {};
  for (const name of pathPattern.names) params[name] = names[name] ?? "";
  return params;
}

/** What a definition's table is on the bus. */
export function storeOf(definition: StoredDefinition): StoreSpec {
  const owned = definition.kind === "table" ? definition.ownedPattern : undefined;
  const patterns = [definition.subjectPattern, ...(owned ? [owned] : [])];
  const subjects = patterns.flatMap((pattern) => pattern.expand().map((tail) => anyOrg(tail.join("."))));
  return { name: definition.store, subjects };
}

/** What a definition's journal is on the bus. */
export function journalOf(definition: FeedDefinition): JournalSpec {
  return { ...storeOf(definition), keepMs: definition.keepMs };
}
