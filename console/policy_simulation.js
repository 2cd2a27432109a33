// What a policy would do, before anybody sets it.

import { html, useState } from "./html.js";
import { api } from "./access.js";
import { exact, Facts, number, Refusal } from "./parts.js";
import { called } from "./schema_form.js";
import { t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const PATH = "admin/policies/sessions/simulations";

/** What would end, in words: the number that the dialog says, too. */
export const wouldEnd = (result) => t("policy-would-end", { count: result.would_end_now.sessions, users: result.would_end_now.users });

const byRule = (counts) => Object.entries(counts).filter(([, count]) => count > 0)
  .map(([rule, count]) => `${called("policy", [rule])} ${number(count)}`).join(", ");

/** @param {{result: Schemas["SessionPolicySimulation"]}} props */
function Result({ result }) {
  const { would_end_now: ends, would_deny: denials, counted } = result;
  return html`<div class="simulated" role="status"><p><b>${wouldEnd(result)}</b></p><${Facts} of=${[
      [t("policy-by-rule"), byRule(ends.by_rule)], [t("policy-would-deny"), number(denials.sign_ins)],
      [t("policy-ended-for-others"), number(denials.ended_for_others)], [t("policy-since"), exact(denials.since)],
      [t("policy-counted"), t("policy-counted-on", { count: counted.sessions })]]} />
    ${!counted.complete && html`<p class="warn">${t("policy-incomplete")}</p>`}</div>`;
}

/** A button that asks, and what came back. `known` is the result for the rules as they stand in the form, or null. */
export function Simulation({ rules, known, learned }) {
  const [error, setError] = useState(null);
  const ask = async () => {
    setError(null);
    try {
      learned(await api.send("POST", PATH, rules));
    } catch (refusal) {
      setError(refusal);
    }
  };
  return html`<button type="button" class="first" onClick=${ask}>${t("policy-simulate")}</button>
    ${error && html`<${Refusal} error=${error} />`}${known && html`<${Result} result=${known} />`}`;
}
