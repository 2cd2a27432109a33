// How many sessions there are, and the newest of them.

import { html } from "./html.js";
import { api } from "./access.js";
import { to } from "./router.js";
import { exact, Loaded, named, number, useLoaded } from "./parts.js";
import { SessionTable } from "./session_table.js";
import { t } from "./words.js";

function Numbers({ stats }) {
  const tiles = ["active", "expired", "revoked", "total"];
  return html`<ul class="tiles">${tiles.map((name) => html`<li key=${name}><a href=${
    to(["sessions"], { status: name === "total" ? "" : name })}><strong>${number(stats[`${name}_sessions`])}</strong>
    <span>${t(`tile-${name}`)}</span></a></li>`)}</ul>`;
}

/** How many sessions each kind of device has, as bars that are also numbers. */
function ByDevice({ breakdown }) {
  const kinds = Object.entries(breakdown).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...kinds.map(([, count]) => count));
  return html`<section class="card"><h2>${t("by-device")}</h2>
    ${kinds.length === 0 && html`<p class="quiet">${t("no-sessions")}</p>`}
    <ul class="bars">${kinds.map(([kind, count]) => html`<li key=${kind}>
      <a href=${to(["sessions"], { device_type: kind })}>${named("device", kind)}</a>
      <meter min="0" max=${most} value=${count} aria-label=${kind}></meter><span>${number(count)}</span></li>`)}</ul></section>`;
}

export function Overview() {
  const stats = useLoaded((signal) => api.get("admin/sessions/stats", {}, { signal }), []);
  const newest = useLoaded((signal) => api.get("admin/sessions", { limit: 8, count: "none" }, { signal }), []);
  const reload = () => { stats.reload(); newest.reload(); };
  return html`<div class="top"><h1 tabindex="-1">${t("place-overview")}</h1>
      <button type="button" onClick=${reload}>${t("reload")}</button></div>
    <${Loaded} from=${stats}>${(data) => html`<${Numbers} stats=${data} />
      <p class="quiet">${t("as-of", { at: exact(data.updated_at) })}</p>
      <div class="halves"><${ByDevice} breakdown=${data.device_breakdown} />
      </div>`}<//>
    <h2>${t("newest")}</h2>
    <${Loaded} from=${newest}>${(data) => html`<${SessionTable} items=${data.items} caption=${t("newest")} />`}<//>`;
}
