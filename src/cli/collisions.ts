import type { Definition, SourcedDefinition } from "../stream/define.ts";
import { withRooms } from "../stream/rooms.ts";

/** Words of subjects that Skein uses for what is no stream. */
const ownWords: ReadonlySet<string> = new Set([
  ...["rejected", "letters", "payloads", "tickets", "revoked", "inbox", "managed"],
  ...["heartbeats", "supervisors", "log_agents", "log_requests"],
]);

/** Why two streams cannot be served by one gateway, as the end of a sentence; undefined when they can. */
export function collision(one: Definition, other: Definition): string | undefined {
  for (const mine of withRooms([one])) {
    for (const theirs of withRooms([other])) {
      const found = pathCollision(mine, theirs) ?? storeCollision(mine, theirs);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Why a stream cannot be served whatever others there are, as the end of a sentence. */
export function ownCollision(definition: Definition): string | undefined {
  for (const one of withRooms([definition])) {
    if (one.kind === "rooms") continue;
    const taken = firstWords(one).find((word) => ownWords.has(word));
    if (taken !== undefined) return `has the subject "${one.subject}", and "${taken}" is used by Skein itself`;
  }
  return undefined;
}

function pathCollision(one: Definition, other: Definition): string | undefined {
  if (!overlaps(one.path.split("/"), other.path.split("/"))) return undefined;
  return `is served at "${one.path}", where "${other.path}" is served already`;
}

function storeCollision(one: Definition, other: Definition): string | undefined {
  if (one.kind === "rooms" || other.kind === "rooms") return undefined;
  // A view of its own on what another stream keeps is no collision.
  const isSame = one.kind === other.kind && one.subject === other.subject;
  if (isSame) return differentKeeping(one, other);
  for (const mine of subjectsOf(one)) {
    const theirs = subjectsOf(other).find((subject) => overlaps(mine.split("."), subject.split(".")));
    if (theirs !== undefined) return `reads "${mine}", which is what "${other.path}" reads by "${theirs}"`;
  }
  if (one.store !== other.store) return undefined;
  return `has the store "${one.store}" by its subject "${one.subject}", which is that of "${other.path}" by "${other.subject}"`;
}

function differentKeeping(one: SourcedDefinition, other: SourcedDefinition): string | undefined {
  const [mine, theirs] = [one, other].map((found) => (found.kind === "table" ? found.ownedSubject : undefined));
  if (mine !== theirs) {
    return `reads "${one.subject}" with ${ownedText(mine)}, and "${other.path}" with ${ownedText(theirs)}`;
  }
  if (one.kind !== "feed" || other.kind !== "feed" || one.keepMs === other.keepMs) return undefined;
  return `keeps "${one.subject}" for ${one.keepMs} ms, and "${other.path}" for ${other.keepMs} ms`;
}

function ownedText(subject: string | undefined): string {
  return subject === undefined ? "no owned subject" : `the owned subject "${subject}"`;
}

function subjectsOf(definition: SourcedDefinition): readonly string[] {
  const owned = definition.kind === "table" ? definition.ownedSubject : undefined;
  return owned === undefined ? [definition.subject] : [definition.subject, owned];
}

function firstWords({ subject }: SourcedDefinition): readonly string[] {
  return choices(subject.split(".")[0] ?? "") ?? [];
}

/** Whether something can match both patterns. */
function overlaps(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  return one.every((segment, at) => {
    const mine = choices(segment);
    const theirs = choices(other[at] ?? "");
    return mine === undefined || theirs === undefined || mine.some((word) => theirs.includes(word));
  });
}

/** The words that a segment of a pattern stands for; undefined for any. */
function choices(segment: string): readonly string[] | undefined {
  if (!segment.startsWith(":")) return [segment];
  return /\((.*)\)$/.exec(segment)?.[1]?.split("|");
}
