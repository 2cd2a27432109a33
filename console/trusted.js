// The devices that a user trusts.

import { html } from "./html.js";
import { api, mayWrite } from "./access.js";
import { Copied, Dangerous, Empty, Loaded, named, say, Table, Time, useLoaded } from "./parts.js";
import { UserForm } from "./users.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

/** @param {{one: Schemas["TrustedDeviceResponse"], reload: () => void}} props */
function Device({ one, reload }) {
  return html`<tr><td>${one.device_name || [one.browser, one.os].filter(Boolean).join(" · ") || named("device", one.device_type)}</td>
    <td><${Copied} value=${one.device_fingerprint} short /></td><td><${Copied} value=${one.ip} /></td>
    <td><${Time} at=${one.created_at} /></td><td><${Time} at=${one.trusted_until} /></td>
    <td>${mayWrite.value && html`<${Dangerous} small label=${t("forget")} title=${t("forget-title")} consequence=${t("forget-consequence")}
      act=${() => api.send("DELETE", `admin/trusted-devices/${encodeURIComponent(one.id)}`)}
      done=${() => { say(t("forgotten")); reload(); }} />`}</td></tr>`;
}

function List({ user }) {
  const loaded = useLoaded((signal) => api.get("admin/trusted-devices", { user_id: user, page_size: 100 }, { signal }), [user]);
  const columns = ["device", "device_fingerprint", "ip", "trusted_since", "trusted_until"].map((id) => [id, t(`column-${id}`)]);
  return html`<${Loaded} from=${loaded}>${(data) => (data.items.length === 0
    ? html`<${Empty} title=${t("no-trusted")} />`
    : html`<${Table} caption=${t("place-trusted")} columns=${[...columns, ["act", html`<span class="heard">${t("forget")}</span>`]]}
      rows=${data.items.map((one) => html`<${Device} key=${one.id} one=${one} reload=${loaded.reload} />`)} />`)}<//>`;
}

export function Trusted({ id }) {
  return html`<h1 tabindex="-1">${t("place-trusted")}${id && html`: <code>${id}</code>`}</h1>
    <${UserForm} place="trusted" user=${id} />
    ${id ? html`<${List} user=${id} />` : html`<p class="quiet">${t("trusted-hint")}</p>`}`;
}
