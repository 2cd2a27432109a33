// One session: what is known of it, how risky it looks, what happened, and its end.

import { html } from "./html.js";
import { api, mayWrite } from "./access.js";
import { to } from "./router.js";
import { Copied, Dangerous, exact, Facts, Loaded, named, number, say, Status, Time, useLoaded } from "./parts.js";
import { known, t } from "./words.js";
import { heading } from "./session_table.js";
import { TokenTable } from "./tokens.js";
import { Way } from "./way.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const at = (instant) => instant && html`${exact(instant)} <span class="quiet"><${Time} at=${instant} /></span>`;

/** Each method with which the user authenticated, and when. */
function Factors({ of }) {
  return html`<ul class="plain">${of.map((factor) => html`<li key=${factor.method}>${factor.method} <span class="quiet"><${Time}
    at=${factor.verified_at} /></span></li>`)}</ul>`;
}

/** @param {{one: Schemas["SessionResponse"]}} props */
function About({ one }) {
  const copied = (name) => [heading(name), one[name] && html`<${Copied} value=${one[name]} />`];
  return html`<section class="card"><h2>${t("facts")}</h2><${Facts} of=${[
    [heading("user_id"), html`<a href=${to(["users", one.user_id])}>${one.user_id}</a>`], copied("id"),
    [t("place-tokens"), html`<a href=${to(["tokens"], { user_id: one.user_id })}>${t("tokens-of-user")}</a>`],
    [heading("name"), one.name], [heading("app_id"), one.app_id], [heading("amr"), one.factors ? html`<${Factors} of=${one.factors} />` : one.amr], [heading("acr"), one.acr],
    [heading("idp"), one.idp?.issuer], [heading("impersonator"), one.impersonator], [heading("recorded_by"), one.recorded_by],
    ...Object.entries(one.metadata || {}),
  ]} /></section>
  <section class="card"><h2>${t("device-and-network")}</h2><${Way} one=${one} /><${Facts} of=${[
    copied("device_id"), [heading("device_type"), named("device", one.device_type)], [heading("browser"), one.browser],
    [heading("os"), one.os], copied("ip"), [heading("country"), one.geoip || one.country],
    [heading("asn"), one.asn !== undefined && html`${one.as_org} <span class="quiet">AS${one.asn}</span>`],
    [heading("last_ip"), one.last_ip !== one.ip && one.last_ip], [heading("user_agent"), one.user_agent],
  ]} /></section>`;
}

/** What happened, from an event; what is still to come, and what no event says, from the session itself. */
const happened = (event) => [event.type.split(".")[1], event.occurred_at, event.data];

/** @param {{one: Schemas["SessionResponse"], events: Schemas["SessionEvent"][]}} props */
function marks({ one, events }) {
  const missing = (type) => events.every((event) => event.type !== type);
  return [...events.map(happened), ...(one.factors || []).map((factor) => ["factor", factor.verified_at, factor]),
    missing("session.created") && ["created", one.created_at], ["authenticated", one.authenticated_at], ["active", one.last_active_at],
    missing("session.ended") && ["ended", one.revoked_at, { reason_code: one.reason_code, reason: one.revoke_reason, actor: one.revoked_by }],
    ["until", one.suspended_until], one.status === "active" && ["idle", one.idle_expires_at],
    one.status !== "revoked" && ["absolute", one.expires_at],
  ].filter((mark) => mark && mark[1]).sort(([, a], [, b]) => a.localeCompare(b));
}

/** Why, and by whom. */
function Why({ reason_code: code, reason, initiated_by: by, actor, amr }) {
  const parts = [named("reason", code), !/^revoked_by/.test(code) && by !== "policy" && named("by", by), amr?.join(" + "), reason && html`<q>${reason}</q>`,
    actor && html`<span>${actor}</span>`].filter(Boolean);
  return parts.length > 0 && html`<div>${parts.map((part, index) => [index > 0 && " · ", part])}</div>`;
}

/**
 * What happened and what will, in order.
 *
 * @param {{one: Schemas["SessionResponse"]}} props
 */
function Timeline({ one }) {
  const loaded = useLoaded((signal) => api.get(`admin/sessions/${encodeURIComponent(one.id)}/events`, {}, { signal }), [one]);
  return html`<section class="card"><h2>${t("timeline")}</h2><${Loaded} from=${loaded}>${({ items, has_more: more }) => html`
    ${more && html`<p class="quiet">${t("older-left-out")}</p>`}
    <ol class="timeline">${marks({ one, events: items }).map(([kind, instant, said = {}]) => html`
      <li class=${Date.parse(instant) > Date.now() ? "ahead" : ""}><b>${t(`timeline-${kind}`, { method: said.method ?? "" })}</b> ${at(instant)}
        <${Why} ...${said} /></li>`)}</ol>`}<//></section>`;
}

/** @param {{one: Schemas["SessionResponse"]}} props */
function Tokens({ one }) {
  const loaded = useLoaded((signal) => api.get("admin/tokens", { session_id: one.id, page_size: 10 }, { signal }), [one]);
  return html`<section class="card"><h2>${t("place-tokens")}</h2><${Loaded} from=${loaded}>${({ items, total }) => (total === 0
    ? html`<p class="quiet">${t("no-tokens")}</p>`
    : html`<${TokenTable} items=${items} /><p><a href=${to(["tokens"], { session_id: one.id })}>${t("count", { count: total })}</a></p>`)}<//></section>`;
}

function Risk({ id }) {
  const risk = useLoaded((signal) => api.get("admin/sessions/risk-score", { session_id: id }, { signal }), [id]);
  return html`<section class="card"><h2>${t("risk")}</h2><${Loaded} from=${risk}>${(data) => html`
    <p><b class="score">${number(data.risk_score)}</b> <span class=${`level ${data.risk_level}`}>${
      t(`level-${data.risk_level}`)}</span> ${t(`action-${data.recommended_action}`)}</p>
    ${data.factors.length === 0 && html`<p class="quiet">${t("no-factors")}</p>`}
    <ul class="factors">${data.factors.map((factor) => html`<li key=${factor.type}><b>${number(factor.score)}</b>
      <span>${known(`factor-${factor.type}`) || factor.description}</span></li>`)}</ul>`}<//></section>`;
}

/** @param {{one: Schemas["SessionResponse"], reload: () => void}} props */
function EndIt({ one, reload }) {
  const act = (reason) => api.send("DELETE", `sessions/${encodeURIComponent(one.id)}`, reason ? { reason } : undefined);
  return html`<${Dangerous} label=${t("end-session")} title=${t("end-count-title", { count: 1 })} consequence=${t("end-consequence")}
    asksReason act=${act} done=${() => { say(t("ended-count", { count: 1 })); reload(); }} />`;
}

/** Refuse the session for a while, or let it go on. */
function Suspension({ one, reload }) {
  const path = `admin/sessions/${encodeURIComponent(one.id)}`;
  const done = () => { say(t("changed")); reload(); };
  if (one.status === "suspended") {
    return html`<${Dangerous} label=${t("reactivate")} title=${t("reactivate-title")} consequence=${t("reactivate-consequence")}
      act=${() => api.send("POST", `${path}/reactivate`)} done=${done} />`;
  }
  return html`<${Dangerous} label=${t("suspend")} title=${t("suspend-title")} consequence=${t("suspend-consequence")}
    act=${() => api.send("POST", `${path}/suspend`)} done=${done} />`;
}

export function Session({ id }) {
  const loaded = useLoaded((signal) => api.get(`sessions/${encodeURIComponent(id)}`, {}, { signal }), [id]);
  const one = loaded.data?.session;
  return html`<p><a href=${to(["sessions"])}>← ${t("place-sessions")}</a></p>
    <div class="top"><h1 tabindex="-1">${t("session")} ${one && html`<${Status} status=${one.status} />`}</h1>
      ${["active", "suspended"].includes(one?.status) && mayWrite.value && html`<div class="buttons">
        <${Suspension} one=${one} reload=${loaded.reload} /><${EndIt} one=${one} reload=${loaded.reload} /></div>`}</div>
    <${Loaded} from=${loaded}>${({ session }) => html`<div class="halves"><${About} one=${session} />
      <div><${Risk} id=${session.id} /><${Tokens} one=${session} /></div><${Timeline} one=${session} /></div>`}<//>`;
}
