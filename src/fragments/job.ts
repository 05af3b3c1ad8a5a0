import type { JobEvent } from "./event.ts";
import type { Template } from "./fragment.ts";
import { badge, bar } from "./progress.ts";

/** A job in the list of an attack. */
export const job: Template<JobEvent> = ({ id, attack_id, name, state, progress }, { html, selector }) => ({
  html: html`<li class="job" data-job="${id}" data-of-attack="${attack_id ?? ""}"><span>${name ?? id}</span>${badge(html, state)}${bar(html, progress)}</li>`,
  refresh_target: selector("data-job", id),
});
