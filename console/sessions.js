// The sessions of the tenant: filters that live in the address, page by page, refreshed without jumping.

import { html, useEffect, useState } from "./html.js";
import { api, mayWrite } from "./access.js";
import { go, route, to } from "./router.js";
import { Dangerous, Empty, entered, Loaded, say, useLoaded } from "./parts.js";
import { COLUMNS, heading, SessionTable, USUAL } from "./session_table.js";
import { t } from "./words.js";

const FILTERS = ["user_id", "app_id", "device_type", "device_id", "device_fingerprint", "ip", "country", "asn",
  "user_agent_contains", "amr", "created_after", "created_before", "active_after", "active_before", "auth_time_before"];
const INSTANTS = new Set(["created_after", "created_before", "active_after", "active_before", "auth_time_before"]);
const STATES = ["", "active", "suspended", "expired", "revoked"];
const ORDERS = ["-created_at", "created_at", "-last_active_at"];
const LIMIT = 25;
const EVERY = 10_000;

const changedTo = (query, name, value) => {
  const { cursor, ...others } = Object.fromEntries(query);
  return to(["sessions"], { ...others, [name]: value });
};

/** The filters that hold, each with a way to take it out, and a form for one more. */
function Chips({ query }) {
  const [name, setName] = useState("user_id");
  const add = (event) => {
    event.preventDefault();
    const given = entered(event.target, "value");
    event.target.reset();
    go(changedTo(query, name, INSTANTS.has(name) ? new Date(given).toISOString() : given));
  };
  return html`<div class="filters">
    <div class="switch" role="group" aria-label=${heading("status")}>${STATES.map((state) => html`<a key=${state}
      href=${changedTo(query, "status", state)} aria-current=${(query.get("status") || "") === state ? "true" : undefined}>${
      t(`status-${state || "all"}`)}</a>`)}</div>
    <ul class="chips">${FILTERS.filter((one) => query.get(one)).map((one) => html`<li key=${one}>
      <span>${heading(one)}: <b>${query.get(one)}</b></span>
      <a href=${changedTo(query, one, "")} aria-label=${t("remove-filter", { name: heading(one) })}>×</a></li>`)}</ul>
    <form onSubmit=${add}><label><span class="heard">${t("filter")}</span><select value=${name}
        onChange=${(event) => setName(event.target.value)}>${FILTERS.map((one) => html`<option key=${one} value=${one}>${
        heading(one)}</option>`)}</select></label>
      <label><span class="heard">${t("value")}</span><input name="value" required autocomplete="off" placeholder=${t("value")}
        type=${INSTANTS.has(name) ? "datetime-local" : "text"} /></label>
      <button type="submit">${t("add-filter")}</button></form></div>`;
}

function Columns({ columns, change }) {
  const flip = (name) => change(Object.keys(COLUMNS).filter((one) => (one === name) !== columns.includes(one)));
  return html`<details class="columns"><summary>${t("columns")}</summary><div>${Object.keys(COLUMNS).map((name) => html`
    <label key=${name}><input type="checkbox" checked=${columns.includes(name)} onChange=${() => flip(name)} /> ${
    heading(name)}</label>`)}</div></details>`;
}

function Order({ query }) {
  return html`<label>${t("order")} <select value=${query.get("sort") || ORDERS[0]}
    onChange=${(event) => go(changedTo(query, "sort", event.target.value))}>${ORDERS.map((one) => html`<option key=${one}
    value=${one}>${t(`order-${one.replace("-", "newest-").replaceAll("_", "-")}`)}</option>`)}</select></label>`;
}

/**
 * What has changed since the list was loaded. Rows that are shown take their new state where they stand; how many
 * others there are is only said, for a list must not move below a hand.
 */
function useFresh(loaded, ask) {
  const [fresh, setFresh] = useState({ rows: new Map(), others: 0 });
  useEffect(() => {
    setFresh({ rows: new Map(), others: 0 });
    if (!loaded) return undefined;
    const shown = new Map(loaded.items.map((one) => [one.id, one]));
    const timer = setInterval(async () => {
      if (document.hidden) return;
      try {
        const { items } = await ask();
        const rows = items.filter((one) => shown.has(one.id) && shown.get(one.id).status !== one.status);
        const gone = loaded.items.filter((one) => !items.some((other) => other.id === one.id)).length;
        const others = Math.max(gone, items.filter((one) => !shown.has(one.id)).length);
        setFresh({ rows: new Map(rows.map((one) => [one.id, one])), others });
      } catch { /* the next one may succeed; what is shown says how old it is */ }
    }, EVERY);
    return () => clearInterval(timer);
  }, [loaded]);
  return fresh;
}

function EndChosen({ chosen, done }) {
  if (!chosen.size) return html`<p class="quiet">${t("choose-hint")}</p>`;
  const act = (reason) => api.send("POST", "admin/sessions/bulk-revoke", { session_ids: [...chosen], reason });
  return html`<${Dangerous} label=${t("end-count", { count: chosen.size })} title=${t("end-count-title", { count: chosen.size })}
    consequence=${t("end-consequence")} asksReason act=${act}
    done=${(result) => { say(t("ended-count", { count: result.succeeded.length })); done(); }} />`;
}

export function Sessions() {
  const { query } = route.value;
  /** @type {Record<string, string | number>} */
  const asked = { ...Object.fromEntries(query), limit: LIMIT };
  const ask = (signal) => api.get("admin/sessions", { ...asked, count: asked.cursor ? "none" : "exact" }, { signal });
  const loaded = useLoaded(ask, [query.toString()]);
  const fresh = useFresh(loaded.data, () => api.get("admin/sessions", { ...asked, count: "none" }));
  const [chosen, setChosen] = useState(new Set());
  const [columns, setColumns] = useState(USUAL);
  useEffect(() => setChosen(new Set()), [loaded.data]);
  const choose = (id) => setChosen((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]));
  return html`<div class="top"><h1 tabindex="-1">${t("place-sessions")}</h1>
      <button type="button" onClick=${loaded.reload}>${t("reload")}</button></div>
    <${Chips} query=${query} />
    <${Loaded} from=${loaded}>${(data) => html`
      <div class="tools">${mayWrite.value ? html`<${EndChosen} chosen=${chosen} done=${loaded.reload} />` : html`<span></span>`}
        <${Order} query=${query} /><${Columns} columns=${columns} change=${setColumns} /></div>
      ${fresh.others > 0 && html`<p class="bar" role="status">${t("others", { count: fresh.others })}
        <button type="button" onClick=${loaded.reload}>${t("show")}</button></p>`}
      ${data.items.length === 0
        ? html`<${Empty} title=${t("no-sessions")}><p>${t("no-sessions-about")}</p><//>`
        : html`<${SessionTable} items=${data.items.map((one) => fresh.rows.get(one.id) || one)} caption=${t("place-sessions")}
          columns=${columns} changed=${new Set(fresh.rows.keys())} chosen=${chosen} choose=${mayWrite.value ? choose : undefined} />`}
      <${Pages} data=${data} query=${query} />`}<//>`;
}

function Pages({ data, query }) {
  const { next_cursor: next } = data.pagination;
  return html`<nav class="pages" aria-label=${t("pages")}>
    ${query.get("cursor") ? html`<a href=${changedTo(query, "cursor", "")}>${t("first-page")}</a>`
      : html`<span>${t("count-sessions", { count: data.total })}</span>`}
    ${next && html`<a rel="next" href=${to(["sessions"], { ...Object.fromEntries(query), cursor: next })}>${t("next-page")}</a>`}</nav>`;
}
