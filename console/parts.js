// Pieces that every page is made of.

import { html, useEffect, useRef, useState } from "./html.js";
import { signal } from "./signals.js";
import { Offline, Problem } from "./api.js";
import { known, locale, t } from "./words.js";

const now = signal(Date.now());
setInterval(() => { now.value = Date.now(); }, 20_000);
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60]];

/** An instant as "3 hours ago", with the exact one on hover. */
export function Time({ at }) {
  if (!at) return html`<span class="none">${t("none")}</span>`;
  const seconds = (Date.parse(at) - now.value) / 1000;
  const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  const words = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" });
  const text = unit ? words.format(Math.round(seconds / unit[1]), unit[0]) : t(seconds > 0 ? "in-a-moment" : "just-now");
  return html`<time datetime=${at} title=${exact(at)}>${text}</time>`;
}

export function exact(at) {
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

export const number = (value) => new Intl.NumberFormat(locale.value).format(value);

/** A value that one click copies. `short` shows its last characters only. */
export function Copied({ value, short }) {
  const [done, setDone] = useState(false);
  if (!value) return html`<span class="none">${t("none")}</span>`;
  const shown = short && value.length > 14 ? `…${value.slice(-8)}` : value;
  const copy = async () => {
    await navigator.clipboard?.writeText(value);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button type="button" class="copied" onClick=${copy} title=${value}
    aria-label=${t("copy", { value: shown })}>${shown}${
    done && html`<span class="did" role="status">${t("copy-done")}</span>`}</button>`;
}

export function Status({ status }) {
  return html`<span class=${`state ${status}`}>${known(`status-${status}`) || status}</span>`;
}

/** A code of the contract in words, or as it stands where this release has no words for it. */
export const named = (kind, code) => (code ? known(`${kind}-${code.replace(/[^A-Za-z0-9_]/g, "-")}`) || code : undefined);

/** What the server refused, with every violation and the id of the request; or that it cannot be reached. */
export function Refusal({ error, again, title }) {
  const retry = again && html`<button type="button" onClick=${again}>${t("try-again")}</button>`;
  if (error instanceof Offline) {
    return html`<div class="refusal" role="alert"><h2>${t("offline")}</h2><p>${t("offline-about")}</p>${retry}</div>`;
  }
  if (!(error instanceof Problem)) {
    return html`<div class="refusal" role="alert"><h2>${title || t("fault")}</h2><p>${String(error.message)}</p>${retry}</div>`;
  }
  const { document: said, status, requestId } = error;
  return html`<div class="refusal" role="alert"><h2>${said.title || t("refused")} <small>${status}</small></h2>
    ${said.detail && html`<p>${said.detail}</p>`}
    ${said.errors && html`<ul>${said.errors.map((one) => html`<li><code>${one.field}</code> ${one.description}</li>`)}</ul>`}
    ${requestId && html`<p class="quiet">${t("request-id")} <${Copied} value=${requestId} /></p>`}${retry}</div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p><strong>${title}</strong></p>${children}</div>`;
}

/**
 * @template Data
 * @typedef {{data?: Data, error?: Error, busy: boolean}} Loading
 */

/** The text of a form's field, without spaces around it; empty where there is no such field. */
export const entered = (form, name) => String(new FormData(form).get(name) ?? "").trim();

/**
 * What a request gives: `{data, error, busy, reload}`. It is sent again when one of `needs` changes; what came late
 * for an earlier one is dropped.
 *
 * @template Data
 * @param {(signal: AbortSignal) => Promise<Data>} load
 * @param {unknown[]} needs
 */
export function useLoaded(load, needs) {
  const [state, setState] = useState(/** @type {Loading<Data>} */ ({ busy: true }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, busy: true }));
    load(stop.signal).then(
      (data) => stop.signal.aborted || setState({ data, busy: false }),
      (error) => stop.signal.aborted || setState({ error, busy: false }),
    );
    return () => stop.abort();
  }, [...needs, turn, locale.value]);
  return { ...state, reload: () => setTurn((count) => count + 1) };
}

/** What was loaded, or why not, or that it is on its way. */
export function Loaded({ from, children }) {
  if (from.error) return html`<${Refusal} error=${from.error} again=${from.reload} />`;
  if (from.data === undefined) return html`<p class="quiet" role="status">${t("loading")}</p>`;
  return children(from.data);
}

/** A table with a caption for those who hear it. `columns` are pairs of an id and a heading. */
export function Table({ caption, columns, rows }) {
  return html`<div class="wide" tabindex="0" role="region" aria-label=${caption}><table>
    <caption class="heard">${caption}</caption>
    <thead><tr>${columns.map(([id, heading]) => html`<th scope="col" key=${id} class=${id}>${heading}</th>`)}</tr></thead>
    <tbody>${rows}</tbody></table></div>`;
}

/** Names and values, one below the other; values that are missing are left out. */
export function Facts({ of }) {
  const there = of.filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
  return html`<dl class="facts">${there.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/**
 * A button for what cannot be undone. It opens a dialog that says what happens; `act` is given the reason, if one is
 * asked for, and the dialog stays open with the refusal when that fails.
 */
export function Dangerous({ label, title, consequence, asksReason, act, done, small }) {
  const dialog = useRef(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const open = () => { setError(null); dialog.current.showModal(); };
  const go = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const result = await act(entered(event.target, "reason") || undefined);
      dialog.current?.close();
      done?.(result);
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class=${small ? "danger small" : "danger"} onClick=${open}>${label}</button>
    <dialog ref=${dialog} aria-label=${title}><form onSubmit=${go}>
      <h2>${title}</h2><p>${consequence}</p>
      ${asksReason && html`<label>${t("reason")} <input name="reason" maxlength="255" autocomplete="off" /></label>`}
      ${error && html`<${Refusal} error=${error} />`}
      <div class="buttons"><button type="button" onClick=${() => dialog.current.close()}>${t("cancel")}</button>
        <button type="submit" class="danger" disabled=${busy}>${label}</button></div>
    </form></dialog>`;
}

/** What just happened, for eyes and ears; it goes after a while. */
export const note = signal(null);
let clearing;
export function say(text) {
  note.value = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => { note.value = null; }, 6000);
}
export function Note() {
  return html`<div class="note" role="status" aria-live="polite">${note.value}</div>`;
}
