// `<sojourn-devices>`: the devices on which a user is signed in. Any page may embed it.
//
// It needs a function that gives the user's bearer token, or a promise of it: `element.tokenProvider = () => token`.
// `base` is the address of the server (that of this module without it), `lang` the language.

import { html, render, useState } from "./html.js";
import { client, every } from "./api.js";
import { Dangerous, Empty, entered, exact, Loaded, named, Note, Refusal, say, Time, useLoaded } from "./parts.js";
import { sheet } from "./page.js";
import { locale, nearest, t } from "./words.js";

const name = (one) => one.device_name || one.name || [one.browser, one.os].filter(Boolean).join(" · ") || named("device", one.device_type)
  || t("device-unknown");

/** End every active session of one device; the API ends one at a time. */
async function endDevice(api, deviceId) {
  const active = await every(api, "sessions", { auth_user_id: api.user(), status: "active" });
  for (const one of active.filter((each) => each.device_id === deviceId)) {
    await api.send("DELETE", `sessions/${encodeURIComponent(one.id)}`);
  }
}

function Device({ one, api, reload }) {
  const { newest, active_count: count, current } = one;
  const act = () => (one.device_id && count > 1 ? endDevice(api, one.device_id)
    : api.send("DELETE", `sessions/${encodeURIComponent(newest.id)}`));
  return html`<li class=${`card ${current ? "here" : ""}`}><div><${Named} newest=${newest} current=${current} api=${api} reload=${reload} />
    <p class="quiet">${t("signed-in-sessions", { count })} · ${t("last-used")} <${Time} at=${newest.last_active_at} /></p>
    <p class="quiet">${[newest.ip, newest.geoip || newest.country].filter(Boolean).join(" · ")}</p></div>
    ${count > 0 && html`<${Dangerous} label=${t("end-device")} title=${t("end-device-title", { count })}
      consequence=${t(current ? "end-current-consequence" : "end-device-consequence")} act=${act}
      done=${() => { say(t("ended-count", { count })); reload(); }} />`}</li>`;
}

/** The device's name, and a field to change it: that of its newest session. */
function Named({ newest, current, api, reload }) {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState(null);
  const change = async (event) => {
    event.preventDefault();
    try {
      const given = entered(event.target, "name");
      await api.send("PATCH", `sessions/${encodeURIComponent(newest.id)}`, { name: given });
      setOpen(false);
      reload();
    } catch (refusal) {
      setError(refusal);
    }
  };
  if (!open) {
    return html`<h3>${name(newest)} ${current && html`<span class="badge">${t("current")}</span>`}
      <button type="button" class="small quiet" aria-label=${t("rename-device", { name: name(newest) })}
        onClick=${() => setOpen(true)}>${t("rename")}</button></h3>`;
  }
  return html`<form class="rename" onSubmit=${change}><label>${t("new-name")} <input name="name" required maxlength="128" value=${newest.name || ""}
      autocomplete="off" /></label><button type="submit">${t("save")}</button>
    <button type="button" onClick=${() => setOpen(false)}>${t("cancel")}</button></form>${error && html`<${Refusal} error=${error} />`}`;
}

function Others({ items, api, reload }) {
  const count = items.reduce((sum, one) => sum + one.active_count, 0) - 1;
  if (count < 1 || !items.some((one) => one.current)) return null;
  return html`<div class="buttons"><${Dangerous} label=${t("end-others")} title=${t("end-others-title", { count })}
    consequence=${t("end-others-consequence")} act=${() => api.send("DELETE", "sessions?except=current")}
    done=${() => { say(t("others-ended")); reload(); }} /></div>`;
}

function Trusted({ api }) {
  const loaded = useLoaded((signal) => api.get("trusted-devices", { page_size: 100 }, { signal }), []);
  return html`<h2>${t("trusted-title")}</h2><p class="quiet">${t("trusted-lead")}</p>
    <${Loaded} from=${loaded}>${(data) => (data.items.length === 0 ? html`<${Empty} title=${t("no-trusted")} />` : html`
      <ul class="devices">${data.items.map((one) => html`<li class="card" key=${one.id}><div><h3>${name(one)}</h3>
        <p class="quiet">${t("trusted-until")} ${exact(one.trusted_until)}</p></div>
        <${Dangerous} label=${t("forget")} title=${t("forget-title")} consequence=${t("forget-consequence")}
          act=${() => api.send("DELETE", `trusted-devices/${encodeURIComponent(one.id)}`)}
          done=${() => { say(t("forgotten")); loaded.reload(); }} /></li>`)}</ul>`)}<//>`;
}

function Devices({ api }) {
  const loaded = useLoaded((signal) => api.get("sessions/devices", {}, { signal }), []);
  const order = (items) => [...items].sort((a, b) => Number(b.current ?? false) - Number(a.current ?? false)
    || Number(b.active_count > 0) - Number(a.active_count > 0));
  return html`<${Loaded} from=${loaded}>${(data) => (data.items.length === 0 ? html`<${Empty} title=${t("no-devices")} />` : html`
      <div class="top"><h2>${t("devices-title")}</h2><${Others} items=${data.items} api=${api} reload=${loaded.reload} /></div>
      <ul class="devices">${order(data.items).map((one) => html`<${Device} key=${one.newest.id} one=${one} api=${api}
        reload=${loaded.reload} />`)}</ul>`)}<//>
    <${Trusted} api=${api} /><${Note} />`;
}

/** Who the token is of, as the list of one's own sessions asks to hear. */
const subject = (token) => {
  const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0)))).sub;
};

export class SojournDevices extends HTMLElement {
  #provider;

  set tokenProvider(provider) {
    this.#provider = provider;
    this.#draw();
  }

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.#draw();
  }

  #draw() {
    if (!this.#provider || !this.shadowRoot) return;
    if (this.lang) locale.value = nearest(this.lang);
    const base = new URL(this.getAttribute("base") || "../../../", this.hasAttribute("base") ? document.baseURI : import.meta.url);
    let latest = "";
    const token = async () => { latest = await this.#provider(); return latest; };
    const refused = () => this.dispatchEvent(new CustomEvent("refused", { bubbles: true }));
    const api = { ...client({ base: base.href, token, refused, language: () => locale.value }), user: () => subject(latest) };
    render(html`<link rel="stylesheet" href=${sheet("parts.css")} /><${Devices} api=${api} />`, this.shadowRoot);
  }
}

customElements.define("sojourn-devices", SojournDevices);
