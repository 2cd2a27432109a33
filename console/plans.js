// Ending many sessions at once: say which, see how many that is, type the number, follow it.

import { html, useEffect, useState } from "./html.js";
import { api, mayWrite } from "./access.js";
import { exact, Facts, named, number, Refusal, useLoaded, Loaded } from "./parts.js";
import { SessionTable } from "./session_table.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const FILTERS = ["user_id", "app_id", "device_type", "ip", "country", "amr", "user_agent_contains"];
const EVERY = 1500;

/** The form: filters that are left empty do not count; without any, everything must be meant. */
function Which({ plan }) {
  const [error, setError] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, String(value).trim()]));
    const filter = Object.fromEntries(FILTERS.filter((name) => given[name]).map((name) => [name, given[name]]));
    const everything = given.everything ? { everything: true } : {};
    setError(null);
    try {
      plan(await api.send("POST", "admin/revocation-plans", { filter, reason: given.reason, ...everything }));
    } catch (refusal) {
      setError(refusal);
    }
  };
  return html`<form class="card plan" onSubmit=${ask}><h2>${t("plan-which")}</h2><p class="quiet">${t("plan-which-about")}</p>
    <div class="fields">${FILTERS.map((name) => html`<label key=${name}>${t(`column-${name}`)} <input name=${name} autocomplete="off" /></label>`)}</div>
    <label class="check"><input type="checkbox" name="everything" /> ${t("plan-everything")}</label>
    <label>${t("reason")} <input name="reason" required maxlength="255" autocomplete="off" /></label>
    ${error && html`<${Refusal} error=${error} />`}
    <div class="buttons"><button class="first" type="submit">${t("plan-count")}</button></div></form>`;
}

const shares = (kind, counts) => Object.entries(counts).sort(([, a], [, b]) => b - a)
  .map(([key, count]) => `${named(kind, key)} ${number(count)}`).join(", ");

/**
 * The numbers, and a field into which the number of sessions is typed before anything ends.
 *
 * @param {{plan: Schemas["RevocationPlan"], back: () => void, applied: (started: any) => void}} props
 */
function Confirm({ plan, back, applied }) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState(null);
  const apply = async (event) => {
    event.preventDefault();
    setError(null);
    try {
      applied(await api.send("POST", `admin/revocation-plans/${encodeURIComponent(plan.plan_id)}/apply`, { max_sessions: plan.sessions }));
    } catch (refusal) {
      setError(refusal);
    }
  };
  return html`<section class="card"><h2>${t("plan-ends", { count: plan.sessions })}</h2><${Facts} of=${[
      [t("place-users"), number(plan.users)], [t("column-app_id"), shares("app", plan.by_app)],
      [t("column-country"), shares("country", plan.by_country)], [t("column-device_type"), shares("device", plan.by_device_type)],
      [t("plan-until"), exact(plan.expires_at)]]} />
    <form onSubmit=${apply}><label>${t("plan-type", { count: number(plan.sessions) })} <input inputmode="numeric" autocomplete="off"
      value=${typed} onInput=${(event) => setTyped(event.target.value)} /></label>
      ${error && html`<${Refusal} error=${error} />`}
      <div class="buttons"><button type="button" onClick=${back}>${t("cancel")}</button><button type="submit" class="danger"
        disabled=${typed.replace(/\D/g, "") !== String(plan.sessions) || plan.sessions === 0}>${t("end-count", { count: plan.sessions })}</button></div></form></section>
    ${plan.sample.length > 0 && html`<h2>${t("plan-sample")}</h2><${SessionTable} items=${plan.sample} caption=${t("plan-sample")} />`}`;
}

/** How far it is, asked again until it is done. */
function Progress({ id, again }) {
  const loaded = useLoaded((signal) => api.get(`admin/revocations/${encodeURIComponent(id)}`, {}, { signal }), [id]);
  const running = loaded.data && !loaded.data.finished_at;
  useEffect(() => {
    if (!running) return undefined;
    const timer = setTimeout(loaded.reload, EVERY);
    return () => clearTimeout(timer);
  }, [loaded.data]);
  return html`<${Loaded} from=${loaded}>${(data) => html`<section class="card" aria-live="polite">
    <h2>${t("ended-count", { count: data.ended })}</h2><progress max=${data.ended + data.remaining || 1} value=${data.ended || 1}
      aria-label=${t("plan-progress")}></progress>
    <p>${running ? t("plan-remaining", { count: data.remaining }) : t("plan-done", { at: exact(data.finished_at) })}</p>
    <button type="button" onClick=${again}>${t("plan-another")}</button></section>`}<//>`;
}

export function Plans() {
  const [plan, setPlan] = useState(null);
  const [running, setRunning] = useState(null);
  const again = () => { setPlan(null); setRunning(null); };
  return html`<h1 tabindex="-1">${t("place-plans")}</h1>
    ${!mayWrite.value ? html`<p>${t("plan-not-yours")}</p>`
      : running ? html`<${Progress} id=${running.revocation_id} again=${again} />`
      : plan ? html`<${Confirm} plan=${plan} back=${again} applied=${setRunning} />` : html`<${Which} plan=${setPlan} />`}`;
}
