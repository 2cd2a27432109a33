// All sessions of one user, by device.

import { html } from "./html.js";
import { api, mayWrite } from "./access.js";
import { every } from "./api.js";
import { go, to } from "./router.js";
import { Copied, Dangerous, Empty, entered, Loaded, named, number, say, Table, Time, useLoaded } from "./parts.js";
import { SessionTable } from "./session_table.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

/** A form that asks for a user and goes to the place of that user. */
export function UserForm({ place, user = "" }) {
  const look = (event) => {
    event.preventDefault();
    go(to([place, entered(event.target, "user")]));
  };
  return html`<form class="filters" onSubmit=${look}><label>${t("user")} <input name="user" required value=${user}
    autocomplete="off" placeholder="usr_…" /></label><button type="submit">${t("look-up")}</button></form>`;
}

const MOST = 100; // sessions that one request may end

/** @param {{items: Schemas["DeviceSessions"][]}} props */
function Devices({ items }) {
  const columns = [["device", t("column-device")], ["device_id", t("column-device_id")], ["count", t("active-sessions")],
    ["total", t("all-sessions")], ["last", t("column-last_active_at")]];
  return html`<${Table} caption=${t("by-device")} columns=${columns} rows=${items.map((one) => html`<tr key=${one.device_id}>
    <td>${[one.newest.browser, one.newest.os].filter(Boolean).join(" · ") || named("device", one.newest.device_type)}</td>
    <td><${Copied} value=${one.device_id} /></td><td>${number(one.active_count)}</td><td>${number(one.session_count)}</td>
    <td><${Time} at=${one.newest.last_active_at} /></td></tr>`)} />`;
}

/** End all sessions of the user, or all but the one that began last. */
function EndAll({ user, active, reload }) {
  const [kept, ...others] = active;
  if (!kept) return null;
  const done = () => { say(t("ended-user", { user })); reload(); };
  const count = others.length;
  const bulk = async (reason) => {
    const ids = others.map((one) => one.id);
    while (ids.length) await api.send("POST", "admin/sessions/bulk-revoke", { session_ids: ids.splice(0, MOST), reason });
  };
  return html`<div class="buttons">
    ${count > 0 && html`<${Dangerous} label=${t("end-all-but-newest")} title=${t("end-count-title", { count })}
      consequence=${t("end-but-newest-consequence")} asksReason act=${bulk} done=${done} />`}
    <${Dangerous} label=${t("end-all")} title=${t("end-user-title", { user })} consequence=${t("end-user-consequence")} asksReason
      act=${(reason) => api.send("DELETE", `admin/sessions/user/${encodeURIComponent(user)}`, reason ? { reason } : undefined)}
      done=${done} /></div>`;
}

function User({ user }) {
  const devices = useLoaded((signal) => api.get("admin/sessions/devices", { user_id: user }, { signal }), [user]);
  const sessions = useLoaded((signal) => api.get("admin/sessions", { user_id: user, limit: 100 }, { signal }), [user]);
  const active = useLoaded((signal) => every(api, "admin/sessions", { user_id: user, status: "active", count: "none" }, { signal }), [user]);
  const reload = () => { devices.reload(); sessions.reload(); active.reload(); };
  return html`<${Loaded} from=${sessions}>${({ items }) => html`
      ${mayWrite.value && active.data && html`<${EndAll} user=${user} active=${active.data} reload=${reload} />`}
      ${items.length === 0 && html`<${Empty} title=${t("no-sessions")} />`}
    `}<//>
    <${Loaded} from=${devices}>${(data) => data.items.length > 0 && html`<h2>${t("by-device")}</h2><${Devices} items=${data.items} />`}<//>
    ${sessions.data?.items.length > 0 && html`<h2>${t("place-sessions")}</h2>
      <${SessionTable} items=${sessions.data.items} caption=${t("place-sessions")} />`}`;
}

export function Users({ id }) {
  return html`<h1 tabindex="-1">${t("place-users")}${id && html`: <code>${id}</code>`}</h1>
    <${UserForm} place="users" user=${id} />
    ${id ? html`<${User} user=${id} />` : html`<p class="quiet">${t("users-hint")}</p>`}`;
}
