import type { html } from "hono/html";

type Html = typeof html;

/** A bar for a progress in percent; nothing where nobody knows. */
export function bar(tag: Html, percent: number | null | undefined): ReturnType<Html> {
  if (percent == null) return tag``;
  return tag`<progress max="100" value="${percent}">${Math.floor(percent)} %</progress>`;
}

/** A word for a state; nothing where nobody knows. */
export function badge(tag: Html, state: string | null | undefined): ReturnType<Html> {
  if (state == null) return tag``;
  return tag`<span class="state" data-state="${state}">${state}</span>`;
}
