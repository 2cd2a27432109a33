// The way from a session's device to its service: the device, its network, the country. A drawing, and a list for ears.

import { html } from "./html.js";
import { Copied, named } from "./parts.js";
import { locale, t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const SIGNS = {
  desktop: "M3 4h18v12H3zM9 20h6M12 16v4",
  mobile: "M8 2h8v20H8zM11 19h2",
  tablet: "M5 2h14v20H5zM11 19h2",
  unknown: "M3 4h18v16H3zM12 15v.5M9.8 9.2a2.2 2.2 0 1 1 3 2.1c-.6.3-.8.8-.8 1.4",
  network: "M7 18a4 4 0 0 1-.6-8A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.5z",
  country: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c-5 6-5 12 0 18M12 3c5 6 5 12 0 18",
};

function Sign({ of }) {
  return html`<svg viewBox="0 0 24 24" width="30" height="30" aria-hidden="true"><path d=${SIGNS[of] || SIGNS.unknown} /></svg>`;
}

/** The country's name in the reader's language, or its code as it stands. */
function country(code) {
  try {
    return new Intl.DisplayNames(locale.value, { type: "region" }).of(code);
  } catch {
    return code;
  }
}

function Stop({ sign, kind, children }) {
  return html`<li><${Sign} of=${sign} /><span class="quiet">${t(kind)}</span><div>${children}</div></li>`;
}

/**
 * What is known of the way; what is not known is said to be so.
 *
 * @param {{one: Schemas["SessionResponse"]}} props
 */
export function Way({ one }) {
  const device = [one.browser, one.os].filter(Boolean).join(" · ") || named("device", one.device_type) || t("none");
  const operator = one.asn !== undefined && html`<div>${one.as_org} <span class="quiet">AS${one.asn}</span></div>`;
  const moved = one.last_ip && one.last_ip !== one.ip;
  const where = one.country ? country(one.country) : one.geoip || t("part-none");
  const network = [one.ip || t("part-none"), one.as_org].filter(Boolean).join(" ");
  return html`<p class="heard">${t("way-about", { device, network, country: where })}</p><ol class="way" aria-label=${t("way")}>
    <${Stop} sign=${one.device_type} kind="way-device">${device}<//>
    <${Stop} sign="network" kind="way-network"><${Copied} value=${one.ip} />${operator}
      ${moved && html`<div class="quiet">${t("way-moved")} <${Copied} value=${one.last_ip} /></div>`}<//>
    <${Stop} sign="country" kind="way-country">${where}<//></ol>`;
}
