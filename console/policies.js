// The tenant's own rules for its sessions: edit, see what they would do, save them unless somebody else has meanwhile.

import { html, useState } from "./html.js";
import { api, mayWrite } from "./access.js";
import { Dangerous, Loaded, number, say, useLoaded } from "./parts.js";
import { called, leaves, Members, resolved } from "./schema_form.js";
import { Simulation, wouldEnd } from "./policy_simulation.js";
import { known, t } from "./words.js";

const PATH = "admin/policies/sessions";
const KIND = "policy";
const REQUEST = { $ref: "#/components/schemas/SetSessionPolicyRequest" };

let contract;

/** The policy with its tag, how many sessions there are, and the contract of this server, which is read once. */
async function load(signal) {
  const read = (path, more) => api.get(path, {}, { signal, ...more });
  const [policy, stats] = await Promise.all([read(PATH, { tagged: true }), read("admin/sessions/stats")]);
  contract ??= await read("openapi.json");
  const { version, ...rules } = policy.content;
  return { version, rules, tag: policy.tag, active: stats.active_sessions };
}

const shown = (value) => (value === undefined ? t("none") : known(`policy-value-${value}`) || String(value));
const nameOf = (path) => path.map((_, at) => called(KIND, path.slice(0, at + 1))).join(" · ");

/** Each value that differs: its path, what it was and what it will be. */
function differences(before, after) {
  const values = [before, after].map((rules) => new Map(leaves(rules).map(([path, value]) => [path.join("."), value])));
  return [...new Set(values.flatMap((one) => [...one.keys()]))].sort().map((path) => [path.split("."), ...values.map((one) => one.get(path))])
    .filter(([, was, is]) => was !== is);
}

function Changes({ of }) {
  return html`<ul class="changes">${of.map(([path, was, is]) => html`<li key=${path.join(".")}>${nameOf(path)}:${" "}
    <del>${shown(was)}</del> → <ins>${shown(is)}</ins></li>`)}</ul>`;
}

/** What another administrator saved meanwhile is not overwritten: it is loaded, or the draft stays to be looked at. */
function Conflict({ reload }) {
  return html`<div class="bar warn" role="alert">${t("policy-conflict")}
    <button type="button" onClick=${reload}>${t("policy-load")}</button></div>`;
}

function Acts({ policy, draft, simulated, changes, reload, conflict }) {
  const guarded = async (method, rules) => {
    try {
      return await api.send(method, PATH, rules, { match: policy.tag });
    } catch (refusal) {
      if (refusal.status === 412) conflict();
      throw refusal;
    }
  };
  const done = () => { say(t("policy-saved")); reload(); };
  const reach = t("policy-reach", { count: policy.active });
  return html`<div class="buttons">
    ${leaves(policy.rules).length > 0 && html`<${Dangerous} label=${t("policy-reset")} title=${t("policy-reset-title")}
      consequence=${html`${t("policy-reset-consequence")} ${reach}`} act=${() => guarded("DELETE")} done=${done} />`}
    ${changes.length > 0 && simulated && html`<${Dangerous} label=${t("save")} title=${t("policy-save-title", { count: changes.length })}
      consequence=${html`<${Changes} of=${changes} />${wouldEnd(simulated)} ${t("policy-consequence")} ${reach}`} act=${() => guarded("PUT", draft)} done=${done} />`}</div>`;
}

function Edit({ policy, reload }) {
  const [draft, setDraft] = useState(policy.rules);
  const [overtaken, setOvertaken] = useState(false);
  const [simulation, setSimulation] = useState(null);
  const simulated = simulation?.of === draft ? simulation.result : null;
  const changes = differences(policy.rules, draft);
  return html`${overtaken && html`<${Conflict} reload=${reload} />`}
    <section class="card"><p class="quiet">${policy.version ? t("policy-version", { version: number(policy.version) }) : t("policy-none")}</p>
    <fieldset class="bare" disabled=${!mayWrite.value}><${Members} kind=${KIND} schema=${resolved(REQUEST, contract)} contract=${contract}
      value=${draft} change=${setDraft} /></fieldset></section>
    ${mayWrite.value && html`${changes.length === 0 ? html`<p class="quiet">${t("policy-unchanged")}</p>`
      : html`<section class="card"><h2>${t("policy-changes")}</h2><${Changes} of=${changes} />
        <${Simulation} rules=${draft} known=${simulated} learned=${(result) => setSimulation({ of: draft, result })} />
        <button type="button" onClick=${() => setDraft(policy.rules)}>${t("policy-discard")}</button></section>`}
      <${Acts} policy=${policy} draft=${draft} simulated=${simulated} changes=${changes} reload=${reload} conflict=${() => setOvertaken(true)} />`}`;
}

export function Policies() {
  const loaded = useLoaded(load, []);
  return html`<div class="top"><h1 tabindex="-1">${t("place-policies")}</h1>
      <button type="button" onClick=${loaded.reload}>${t("reload")}</button></div><p class="quiet">${t("policy-lead")}</p>
    <${Loaded} from=${loaded}>${(policy) => html`<${Edit} key=${policy.tag + policy.version} policy=${policy} reload=${loaded.reload} />`}<//>`;
}
