import { hrefTo } from "../place.svelte.ts";

/** Leads to the log of an instance, a step in the browser's history; an empty name leads nowhere. */
export function goTo(name: string): void {
  if (name.trim() !== "") location.hash = hrefTo(["logs", name.trim()]);
}
