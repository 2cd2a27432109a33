// The keys that sign, how long tokens live, and the keys of services for who holds one that manages.

import { html, useState } from "./html.js";
import { api } from "./access.js";
import { Copied, Empty, entered, Facts, Loaded, named, Table, Time, useLoaded } from "./parts.js";
import { t } from "./words.js";

function Signing() {
  const loaded = useLoaded((signal) => api.get(".well-known/jwks.json", {}, { signal }), []);
  const columns = ["kid", "alg", "use"].map((id) => [id, t(`column-${id}`)]);
  return html`<h2>${t("signing-keys")}</h2><p class="quiet">${t("signing-keys-about")}</p>
    <${Loaded} from=${loaded}>${({ keys }) => (keys.length === 0 ? html`<${Empty} title=${t("no-keys")} />` : html`
      <${Table} caption=${t("signing-keys")} columns=${columns} rows=${keys.map((key) => html`<tr key=${key.kid}>
        <td><${Copied} value=${key.kid} /></td><td>${key.alg}</td><td>${key.use}</td></tr>`)} />`)}<//>`;
}

function Lifetimes() {
  const loaded = useLoaded((signal) => api.get("admin/tokens/config", {}, { signal }), []);
  return html`<h2>${t("lifetimes")}</h2><${Loaded} from=${loaded}>${(data) => html`<section class="card"><${Facts} of=${[
    [t("access-expiry"), data.access_expiry], [t("refresh-expiry"), data.refresh_expiry], [t("leeway"), data.leeway]]} /></section>`}<//>`;
}

function Held({ apiKey }) {
  const loaded = useLoaded((signal) => api.get("admin/api-keys", { limit: 100 }, { signal, key: apiKey }), [apiKey]);
  const columns = ["name", "prefix", "state", "scopes", "created_at", "last_used_at"].map((id) => [id, t(`column-${id}`)]);
  return html`<${Loaded} from=${loaded}>${(data) => html`<${Table} caption=${t("api-keys")} columns=${columns} rows=${
    data.items.map((key) => html`<tr key=${key.id}><td>${key.name}</td><td><code>${key.prefix}</code></td>
      <td><span class=${`state ${key.state}`}>${named("key", key.state)}</span></td><td>${key.scopes.join(", ")}</td>
      <td><${Time} at=${key.created_at} /></td><td><${Time} at=${key.last_used_at} /></td></tr>`)} />`}<//>`;
}

export function Keys() {
  const [apiKey, setApiKey] = useState(null);
  const look = (event) => { event.preventDefault(); setApiKey(entered(event.target, "key")); };
  return html`<h1 tabindex="-1">${t("place-keys")}</h1><${Signing} /><${Lifetimes} />
    <h2>${t("api-keys")}</h2><p class="quiet">${t("api-keys-about")}</p>
    <form class="filters" onSubmit=${look}><label>${t("api-key")} <input name="key" type="password" required autocomplete="off" /></label>
      <button type="submit">${t("look-up")}</button></form>${apiKey && html`<${Held} apiKey=${apiKey} />`}`;
}
