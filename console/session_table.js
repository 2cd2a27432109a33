// Sessions as a table: which columns there are, and one row.

import { html } from "./html.js";
import { to } from "./router.js";
import { Copied, named, Status, Table, Time } from "./parts.js";
import { known, t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

/** @param {Schemas["SessionResponse"]} one */
const device = (one) => [one.browser, one.os].filter(Boolean).join(" · ") || named("device", one.device_type);

/**
 * Every column, with what it shows of a session.
 *
 * @type {Record<string, (one: Schemas["SessionResponse"]) => any>}
 */
export const COLUMNS = {
  user_id: (one) => html`<a href=${to(["users", one.user_id])}>${one.user_id}</a>`,
  status: (one) => html`<${Status} status=${one.status} /> ${one.reason_code && html`<span class="quiet">${
    named("reason", one.reason_code)}</span>`}`,
  device: (one) => html`<span title=${one.user_agent}>${device(one)}</span>`,
  name: (one) => one.name,
  app_id: (one) => one.app_id,
  ip: (one) => one.ip && html`<${Copied} value=${one.ip} /> ${one.country && html`<span class="quiet">${one.country}</span>`}`,
  created_at: (one) => html`<${Time} at=${one.created_at} />`,
  last_active_at: (one) => html`<${Time} at=${one.last_active_at} />`,
  expires_at: (one) => html`<${Time} at=${one.expires_at} />`,
  amr: (one) => one.amr,
  id: (one) => html`<${Copied} value=${one.id} short />`,
};
export const USUAL = ["user_id", "status", "device", "app_id", "ip", "created_at", "last_active_at"];

export const heading = (column) => known(`column-${column}`) || column;

/** A row's way to the session itself, and its box where sessions can be chosen. */
function Row({ one, columns, chosen, choose, mark }) {
  return html`<tr key=${one.id} class=${mark ? "changed" : ""}>
    ${choose && html`<td class="box"><input type="checkbox" aria-label=${t("choose", { id: one.id })} checked=${chosen.has(one.id)}
      disabled=${one.status !== "active"} onChange=${() => choose(one.id)} /></td>`}
    ${columns.map((name) => html`<td key=${name} class=${name}>${COLUMNS[name](one)}</td>`)}
    <td class="more"><a href=${to(["sessions", one.id])} aria-label=${t("open-session", { id: one.id })}>${t("details")}</a></td></tr>`;
}

export function SessionTable({ items, caption, columns = USUAL, chosen, choose, changed = new Set() }) {
  const headings = [...(choose ? [["box", html`<span class="heard">${t("choice")}</span>`]] : []),
    ...columns.map((name) => [name, heading(name)]), ["more", html`<span class="heard">${t("details")}</span>`]];
  return html`<${Table} caption=${caption} columns=${headings} rows=${items.map((one) => html`<${Row} key=${one.id} one=${one}
    columns=${columns} chosen=${chosen} choose=${choose} mark=${changed.has(one.id)} />`)} />`;
}
