// What a page shows to those who are not signed in: the way to the issuer, or a field for a token.

import { html, useState } from "./html.js";
import { enter, left } from "./access.js";
import { facts } from "./page.js";
import { entered, Refusal } from "./parts.js";
import { begin, finish, returned } from "./signin.js";
import { signal } from "./signals.js";
import { t } from "./words.js";

/** Why signing in failed, or true while it goes on. */
const arriving = signal(null);

const back = facts.issuer ? returned() : null;
if (back) {
  arriving.value = true;
  finish(back).then(enter, (error) => { left.value = error; }).finally(() => { arriving.value = null; });
}

function Settings() {
  return html`<h2>${t("set-up")}</h2><p>${t("set-up-about")}</p>
    <pre tabindex="0">SOJOURN_CONSOLE_ISSUER=https://id.example.com
SOJOURN_CONSOLE_CLIENT_ID=sojourn-console</pre><p>${t("set-up-redirect")} <code>${location.origin}${location.pathname}</code></p>`;
}

function AtIssuer() {
  const [busy, setBusy] = useState(false);
  const go = () => {
    setBusy(true);
    begin().catch((error) => { left.value = error; setBusy(false); });
  };
  return html`<p>${t("sign-in-at", { issuer: new URL(facts.issuer).host })}</p>
    <p><button type="button" class="first" disabled=${busy || arriving.value} onClick=${go}>${t("sign-in")}</button></p>`;
}

function WithToken() {
  const go = (event) => {
    event.preventDefault();
    enter(entered(event.target, "token"));
  };
  return html`<details><summary>${t("with-token")}</summary><form onSubmit=${go}>
    <p>${t("with-token-about")}</p>
    <label>${t("token")} <input name="token" type="password" required autocomplete="off" spellcheck=${false} /></label>
    <div class="buttons"><button type="submit">${t("open")}</button></div></form></details>`;
}

export function Entrance() {
  const why = left.value;
  return html`<main id="content" class="entrance" tabindex="-1"><h1>${t("sign-in-title")}</h1>
    ${why instanceof Error ? html`<${Refusal} error=${why} title=${t("sign-in-failed")} />` : why && html`<p role="status">${t(`left-${why}`)}</p>`}
    ${facts.issuer ? html`<${AtIssuer} />` : html`<${Settings} />`}<${WithToken} /></main>`;
}
