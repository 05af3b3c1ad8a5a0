import type { AgentEvent } from "./event.ts";
import type { Template } from "./fragment.ts";
import { badge } from "./progress.ts";

/** An agent in the list of agents, with its last error. */
export const agent: Template<AgentEvent> = ({ type, id, name, state, message }, { html, selector }) => {
  const kind = type === "agent.error" ? "error" : "note";
  const note = message == null ? "" : html`<p class="${kind}">${message}</p>`;
  return {
    html: html`<article class="agent" data-agent="${id}"><h3>${name ?? id}</h3>${badge(html, state)}${note}</article>`,
    refresh_target: selector("data-agent", id),
  };
};
