import type { MessageEvent } from "../../client/frames.ts";

/** What an event is, in a word for people. */
export const eventWords: Readonly<Record<MessageEvent["event"], string>> = {
  sent: "Sent",
  delivered: "Delivered",
  acknowledged: "Acknowledged",
  failed: "Failed",
};

/** How an event is coloured: on its way, with its receiver, done, lost. */
export const eventTones: Readonly<Record<MessageEvent["event"], "idle" | "busy" | "good" | "bad">> = {
  sent: "idle",
  delivered: "busy",
  acknowledged: "good",
  failed: "bad",
};

/** A text that takes no more than so many characters, with … where it was cut. */
export function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, Math.max(0, most - 1)).join("")}…`;
}

/** What an event says beside its arrow: its type at the beginning, later what became of it. */
export function labelOf({ event, message_type, detail }: MessageEvent, isFirst: boolean): string {
  if (isFirst) return message_type;
  const word = eventWords[event].toLowerCase();
  return detail === null || detail === "" ? word : `${word}: ${detail}`;
}

/** A chain in one sentence: "4 messages between 3 agents: 2 acknowledged, 1 delivered, 1 failed". */
export function chainText(events: readonly MessageEvent[]): string {
  const outcomes = new Map(events.map(({ message_id, event }) => [message_id, event]));
  const agents = new Set(events.flatMap(({ from, to }) => [from, to]));
  const words: readonly MessageEvent["event"][] = ["acknowledged", "delivered", "sent", "failed"];
  const counts = words
    .map((word) => ({ word, count: [...outcomes.values()].filter((outcome) => outcome === word).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}`);
  return `${many(outcomes.size, "message")} between ${many(agents.size, "agent")}: ${counts.join(", ")}`;
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
