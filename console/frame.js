// The head of a page.

import { html, useEffect } from "./html.js";
import { facts } from "./page.js";
import { locale, locales, t } from "./words.js";
import { signal } from "./signals.js";

const online = signal(navigator.onLine);
window.addEventListener("online", () => { online.value = true; });
window.addEventListener("offline", () => { online.value = false; });

function Languages() {
  return html`<label class="languages"><span class="heard">${t("language")}</span>
    <select value=${locale.value} onChange=${(event) => { locale.value = event.target.value; }}>
      ${locales.map((name) => html`<option key=${name} value=${name} lang=${name}>${facts.names?.[name] || name}</option>`)}
    </select></label>`;
}

/** Past the head, without a step in the address. */
const skip = (event) => {
  event.preventDefault();
  document.getElementById("content")?.focus();
};

export function Head({ title, who, leave }) {
  useEffect(() => { document.documentElement.lang = locale.value; }, [locale.value]);
  return html`<a class="skip" href="#content" onClick=${skip}>${t("skip")}</a>
    <header class="head"><a class="home" href="./"><img src="favicon.ico" alt="" width="26" height="26" />Sojourn</a>
      <span class="title">${title}</span><span class="who">${who}</span><${Languages} />
      ${leave && html`<button type="button" onClick=${leave}>${t("sign-out")}</button>`}</header>
    ${!online.value && html`<p class="bar warn" role="status">${t("offline")}. ${t("offline-about")}</p>`}`;
}
