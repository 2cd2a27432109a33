// `/account`: my devices and sessions.

import { html, render, useEffect, useRef } from "./html.js";
import { claims, leave, token } from "./access.js";
import { t } from "./words.js";
import { Entrance } from "./entrance.js";
import { Head } from "./frame.js";
import "./devices.js";

function Mine() {
  const element = useRef(null);
  useEffect(() => {
    element.current.addEventListener("refused", () => leave("expired"));
    element.current.tokenProvider = () => token.value;
  }, []);
  return html`<main id="content" class="entrance" tabindex="-1"><h1 tabindex="-1">${t("account")}</h1>
    <p>${t("account-lead")}</p><sojourn-devices ref=${element}></sojourn-devices></main>`;
}

function Account() {
  useEffect(() => { document.title = `${t("account")} · Sojourn`; });
  if (!token.value) return html`<${Head} title=${t("account")} /><${Entrance} />`;
  return html`<${Head} title=${t("account")} who=${claims.value.sub} leave=${() => leave("signed-out")} /><${Mine} />`;
}

render(html`<${Account} />`, document.getElementById("app"));
