// The endpoints to which events are sent, what became of each event, and sending it again.

import { html } from "./html.js";
import { api, mayWrite } from "./access.js";
import { go, route, to } from "./router.js";
import { Copied, Dangerous, Empty, exact, Facts, Loaded, named, number, say, Table, Time, useLoaded } from "./parts.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const state = (one) => html`<span class=${`state ${one.enabled ? "active" : "revoked"}`}>${
  one.enabled ? t("enabled") : `${t("disabled")}: ${named("disabled", one.disabled_because)}`}</span>`;

function List() {
  const loaded = useLoaded((signal) => api.get("admin/webhooks", { limit: 100 }, { signal }), []);
  const columns = ["url", "state", "events", "created_at"].map((id) => [id, t(`column-${id}`)]);
  return html`<${Loaded} from=${loaded}>${(data) => (data.items.length === 0
    ? html`<${Empty} title=${t("no-webhooks")}><p>${t("no-webhooks-about")}</p><//>`
    : html`<${Table} caption=${t("place-webhooks")} columns=${columns} rows=${data.items.map((one) => html`<tr key=${one.id}>
      <td><a href=${to(["webhooks", one.id])}>${one.url}</a><div class="quiet">${one.description}</div></td><td>${state(one)}</td>
      <td>${one.events.join(", ")}</td><td><${Time} at=${one.created_at} /></td></tr>`)} />`)}<//>`;
}

/**
 * What the last attempt came to.
 *
 * @param {Schemas["Delivery"]} one
 */
const outcome = (one) => {
  const last = one.attempts.at(-1);
  return last && `${named("outcome", last.outcome)}${last.status ? ` ${last.status}` : ""} · ${number(last.duration_ms)} ms`;
};

/** @param {{one: Schemas["Delivery"], path: string, reload: () => void}} props */
function Delivery({ one, path, reload }) {
  const again = () => api.send("POST", `${path}/replay`, { delivery_id: one.id });
  return html`<tr><td>${one.type}</td><td><span class=${`state ${one.state}`}>${t(`delivery-${one.state}`)}</span></td>
    <td><${Time} at=${one.created_at} /></td><td>${number(one.tries)}</td><td>${outcome(one)}</td><td><${Copied} value=${one.id} short /></td>
    <td>${mayWrite.value && html`<${Dangerous} small label=${t("replay")} title=${t("replay-title")} consequence=${t("replay-consequence")}
      act=${again} done=${() => { say(t("replayed", { count: 1 })); reload(); }} />`}</td></tr>`;
}

function Deliveries({ path, id }) {
  const { query } = route.value;
  const wanted = query.get("state") || "";
  const ask = { state: wanted, after: query.get("after"), limit: 25 };
  const loaded = useLoaded((signal) => api.get(`${path}/deliveries`, ask, { signal }), [query.toString()]);
  const columns = ["type", "state", "created_at", "tries", "outcome", "id"].map((one) => [one, t(`column-${one}`)]);
  return html`<h2>${t("deliveries")}</h2><div class="filters"><label>${t("column-state")} <select value=${wanted}
      onChange=${(event) => go(to(["webhooks", id], { state: event.target.value }))}><option value="">${t("status-all")}</option>
      ${["pending", "delivered", "failed"].map((one) => html`<option key=${one} value=${one}>${t(`delivery-${one}`)}</option>`)}
    </select></label><button type="button" onClick=${loaded.reload}>${t("reload")}</button></div>
    <${Loaded} from=${loaded}>${(data) => (data.items.length === 0 ? html`<${Empty} title=${t("no-deliveries")} />` : html`
      <${Table} caption=${t("deliveries")} columns=${[...columns, ["act", html`<span class="heard">${t("replay")}</span>`]]}
        rows=${data.items.map((one) => html`<${Delivery} key=${one.id} one=${one} path=${path} reload=${loaded.reload} />`)} />
      ${data.has_more && html`<nav class="pages" aria-label=${t("pages")}><a rel="next" href=${
        to(["webhooks", id], { state: wanted, after: data.next_cursor })}>${t("next-page")}</a></nav>`}`)}<//>`;
}

function Webhook({ id }) {
  const path = `admin/webhooks/${encodeURIComponent(id)}`;
  const loaded = useLoaded((signal) => api.get(path, {}, { signal }), [id]);
  const test = async () => {
    const sent = await api.send("POST", `${path}/test`);
    say(t(sent.delivered ? "test-delivered" : "test-failed", { status: sent.status ?? "–" }));
  };
  return html`<p><a href=${to(["webhooks"])}>← ${t("place-webhooks")}</a></p><${Loaded} from=${loaded}>${(one) => html`
    <section class="card"><${Facts} of=${[[t("column-url"), one.url], [t("column-state"), state(one)],
      [t("column-events"), one.events.join(", ")], [t("description"), one.description], [t("column-created_at"), exact(one.created_at)],
      [t("held-until"), one.held_until && exact(one.held_until)]]} />
      ${mayWrite.value && html`<button type="button" onClick=${() => test().catch((error) => say(error.message))}>${t("test")}</button>`}</section>
    <${Deliveries} path=${path} id=${id} />`}<//>`;
}

export function Webhooks({ id }) {
  return html`<h1 tabindex="-1">${t("place-webhooks")}</h1>${id ? html`<${Webhook} id=${id} />` : html`<${List} />`}`;
}
