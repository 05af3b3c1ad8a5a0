import type { Component } from "svelte";
import type { Skein } from "../client/index.ts";
import type { Place } from "./place.svelte.ts";
import type { Who } from "./session.svelte.ts";

/** What every view gets. */
export interface ViewProps {
  /** The one connection of the page, for all streams of all views. */
  readonly skein: Skein;
  readonly place: Place;
  /** Who asks; commands that nobody may give are not offered. */
  readonly who: Who;
}

/** A view as the shell knows it before it is loaded. */
export interface View {
  /** Its name in the navigation and in the title of the page. */
  readonly title: string;
  readonly load: () => Promise<{ readonly default: Component<ViewProps> }>;
  /** Its keys, and what each does, for the list that `?` shows. */
  readonly keys?: Readonly<Record<string, string>>;
}
