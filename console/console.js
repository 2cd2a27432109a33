// `/console`: the frame around the pages for administrators.

import { html, render, useEffect, useRef } from "./html.js";
import { Entrance } from "./entrance.js";
import { claims, leave, mayWrite, roles, token } from "./access.js";
import { route, to } from "./router.js";
import { Note } from "./parts.js";
import { t } from "./words.js";
import { Head } from "./frame.js";
import { Overview } from "./overview.js";
import { Sessions } from "./sessions.js";
import { Session } from "./session.js";
import { Users } from "./users.js";
import { Plans } from "./plans.js";
import { Policies } from "./policies.js";
import { Trusted } from "./trusted.js";
import { Tokens } from "./tokens.js";
import { Webhooks } from "./webhooks.js";
import { Keys } from "./keys.js";

const PLACES = [
  ["overview", Overview], ["sessions", Sessions], ["users", Users], ["plans", Plans], ["trusted", Trusted], ["tokens", Tokens],
  ["policies", Policies], ["webhooks", Webhooks], ["keys", Keys],
];

function Navigation({ here }) {
  return html`<nav class="places" aria-label=${t("places")}><ul>${PLACES.map(([name]) => html`<li key=${name}>
    <a href=${to([name])} aria-current=${here === name ? "page" : undefined}>${t(`place-${name}`)}</a></li>`)}</ul></nav>`;
}

/** The page of the address; its heading takes the focus when the address changes. */
function Place() {
  const { parts } = route.value;
  const [name, id] = [parts[0] || "overview", parts[1]];
  const main = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${t(`place-${name}`)} · Sojourn`;
    if (!first.current) main.current.querySelector("h1")?.focus();
    first.current = false;
  }, [name, id]);
  const View = name === "sessions" && id ? Session : PLACES.find(([place]) => place === name)?.[1];
  return html`<${Navigation} here=${name} /><main id="content" ref=${main} tabindex="-1">
    ${View ? html`<${View} key=${`${name}/${id}`} id=${id} />` : html`<h1 tabindex="-1">${t("no-such-place")}</h1>`}</main>`;
}

function Console() {
  if (!token.value) return html`<${Head} title=${t("console")} /><${Entrance} />`;
  const who = `${claims.value.sub ?? ""} · ${roles.value.join(", ") || t("no-roles")}`;
  return html`<${Head} title=${t("console")} who=${who} leave=${() => leave("signed-out")} />
    ${!mayWrite.value && html`<p class="bar" role="status">${t("read-only")}</p>`}<${Place} /><${Note} />`;
}

render(html`<${Console} />`, document.getElementById("app"));
