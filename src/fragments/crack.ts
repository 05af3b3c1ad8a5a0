import type { CrackEvent } from "./event.ts";
import type { Template } from "./fragment.ts";

/** A toast that hashes were cracked; it stands for nothing on the page and is added to it. */
export const crack: Template<CrackEvent> = ({ id, campaign_id, hash_type, count }, { html }) => {
  const many = count ?? 1;
  const type = hash_type == null ? "" : html` <code>${hash_type}</code>`;
  return {
    html: html`<div class="toast" role="status" data-crack="${id}" data-campaign="${campaign_id ?? ""}">${many}${type} ${many === 1 ? "hash" : "hashes"} cracked</div>`,
  };
};
