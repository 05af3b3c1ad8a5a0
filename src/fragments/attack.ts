import type { AttackEvent } from "./event.ts";
import type { Template } from "./fragment.ts";
import { badge, bar } from "./progress.ts";

/** An attack in the list of a campaign. */
export const attack: Template<AttackEvent> = ({ id, campaign_id, name, state, progress }, { html, selector }) => ({
  html: html`<article class="attack" data-attack="${id}" data-campaign="${campaign_id ?? ""}"><h3>${name ?? id}</h3>${badge(html, state)}${bar(html, progress)}</article>`,
  refresh_target: selector("data-attack", id),
});
