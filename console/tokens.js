// Issued tokens, and those that are refused before their time.

import { html } from "./html.js";
import { api, mayWrite } from "./access.js";
import { go, route, to } from "./router.js";
import { Copied, Dangerous, Empty, entered, Loaded, named, say, Status, Table, Time, useLoaded } from "./parts.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const SIZE = 25;
const changed = (query, more) => to(["tokens"], { ...Object.fromEntries(query), page: "", ...more });

function Choice({ query, name, of }) {
  return html`<label>${t(`column-${name}`)} <select value=${query.get(name) || ""}
    onChange=${(event) => go(changed(query, { [name]: event.target.value }))}>
    <option value="">${t("status-all")}</option>${of.map((one) => html`<option key=${one} value=${one}>${
    named(name, one)}</option>`)}</select></label>`;
}

export function Pages({ data, query, place }) {
  const { page, has_next: more, has_prev: before } = data.pagination;
  const link = (number) => to(place, { ...Object.fromEntries(query), page: number });
  return html`<nav class="pages" aria-label=${t("pages")}><span>${t("count", { count: data.total })}</span>
    ${before && html`<a href=${link(page - 1)}>${t("previous-page")}</a>`}
    ${more && html`<a rel="next" href=${link(page + 1)}>${t("next-page")}</a>`}</nav>`;
}

/** Issued tokens; with `all` their users and addresses, too. */
export function TokenTable({ items, all = false }) {
  const columns = [all && "user_id", "type", "status", "issued_at", "expires_at", all && "ip", "id"].filter(Boolean);
  return html`<${Table} caption=${t("place-tokens")} columns=${columns.map((id) => [id, t(`column-${id}`)])} rows=${items.map((one) => html`<tr key=${one.id}>
    ${all && html`<td><a href=${to(["users", one.user_id])}>${one.user_id}</a></td>`}<td>${named("type", one.token_type)}</td>
    <td><${Status} status=${one.status} /></td><td><${Time} at=${one.created_at} /></td><td><${Time} at=${one.expires_at} /></td>
    ${all && html`<td class="ip"><${Copied} value=${one.ip} /></td>`}<td><${Copied} value=${one.id} short /></td></tr>`)} />`;
}

function Issued({ query }) {
  const session = query.get("session_id");
  const ask = { user_id: query.get("user_id"), session_id: session, type: query.get("type"), status: query.get("status"), page: query.get("page"), page_size: SIZE };
  const loaded = useLoaded((signal) => api.get("admin/tokens", ask, { signal }), [query.toString()]);
  const look = (event) => { event.preventDefault(); go(changed(query, { user_id: entered(event.target, "user") })); };
  return html`<form class="filters" onSubmit=${look}><label>${t("user")} <input name="user" value=${query.get("user_id") || ""} /></label>
      <button type="submit">${t("look-up")}</button><${Choice} query=${query} name="type" of=${["access", "refresh"]} />
      <${Choice} query=${query} name="status" of=${["active", "expired", "revoked"]} /></form>
    ${session && html`<ul class="chips"><li>${t("session")} ${session}<a href=${changed(query, { session_id: "" })}
      aria-label=${t("remove-filter", { name: t("session") })}>×</a></li></ul>`}
    <${Loaded} from=${loaded}>${(data) => html`${data.items.length === 0 ? html`<${Empty} title=${t("no-tokens")} />` : html`
      <${TokenTable} items=${data.items} all />`}
      <${Pages} data=${data} query=${query} place=${["tokens"]} />`}<//>`;
}

/** @param {{one: Schemas["BlacklistedTokenResponse"], reload: () => void}} props */
function Entry({ one, reload }) {
  return html`<tr><td>${one.user_id}</td><td><${Copied} value=${one.token_hash} short /></td><td>${one.reason}</td>
    <td><${Time} at=${one.created_at} /></td><td><${Time} at=${one.expires_at} /></td>
    <td>${mayWrite.value && html`<${Dangerous} small label=${t("remove")} title=${t("unblock-title")} consequence=${t("unblock-consequence")}
      act=${() => api.send("DELETE", `admin/tokens/blacklist/${encodeURIComponent(one.id)}`)}
      done=${() => { say(t("unblocked")); reload(); }} />`}</td></tr>`;
}

function Blacklist({ query }) {
  const ask = { page: query.get("page"), page_size: SIZE };
  const loaded = useLoaded((signal) => api.get("admin/tokens/blacklist", ask, { signal }), [query.toString()]);
  const columns = ["user_id", "token_hash", "reason", "refused_at", "expires_at"].map((id) => [id, t(`column-${id}`)]);
  return html`<${Loaded} from=${loaded}>${(data) => html`${data.items.length === 0 ? html`<${Empty} title=${t("no-blacklist")} />` : html`
    <${Table} caption=${t("blacklist")} columns=${[...columns, ["act", html`<span class="heard">${t("remove")}</span>`]]}
      rows=${data.items.map((one) => html`<${Entry} key=${one.id} one=${one} reload=${loaded.reload} />`)} />`}
    <${Pages} data=${data} query=${query} place=${["tokens", "blacklist"]} />`}<//>`;
}

export function Tokens({ id }) {
  const { query } = route.value;
  const tab = (name, path) => html`<a href=${to(path)} aria-current=${(id || "") === (path[1] || "") ? "true" : undefined}>${t(name)}</a>`;
  return html`<h1 tabindex="-1">${t("place-tokens")}</h1>
    <div class="switch" role="group" aria-label=${t("place-tokens")}>${tab("issued", ["tokens"])}${tab("blacklist", ["tokens", "blacklist"])}</div>
    ${id === "blacklist" ? html`<${Blacklist} query=${query} />` : html`<${Issued} query=${query} />`}`;
}
