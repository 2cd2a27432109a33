// How many sessions there are and were, of which kinds, and the newest of them.

import { html, useMemo } from "./html.js";
import { api } from "./access.js";
import { route, to } from "./router.js";
import { exact, Loaded, named, number, useLoaded } from "./parts.js";
import { Bars, Chart } from "./charts.js";
import { SessionTable } from "./session_table.js";
import { locale, t } from "./words.js";

/** @typedef {import("./responses.js").Schemas} Schemas */

const STEPS = ["1m", "1h", "24h"];
const USUAL = "1h";
/** How many parts have a line of their own; the rest are one. */
const LINES = 3;
const MOST = 8;

/** @param {{stats: Schemas["SessionStatsResponse"]}} props */
function Tiles({ stats }) {
  const tiles = ["active", "expired", "revoked", "total"];
  return html`<ul class="tiles">${tiles.map((name) => html`<li key=${name}><a href=${
    to(["sessions"], { status: name === "total" ? "" : name })}><strong>${number(stats[`${name}_sessions`])}</strong>
    <span>${t(`tile-${name}`)}</span></a></li>`)}</ul>`;
}

const sum = (counts) => counts.reduce((all, count) => all + count, 0);
const added = (parts) => parts.reduce((all, part) => all.map((count, at) => count + part.counts[at]));

/** What a part of a split is called: its value, that it has none, or that it is all others. */
const partName = (kind, part) => (part.others ? t("part-others") : part.value ? named(kind, part.value) : t("part-none"));

/**
 * The whole, and a line for each of its largest parts.
 *
 * @param {Schemas["SessionSeries"]} series
 * @param {string} kind
 */
function splitLines({ points, split = [] }, kind) {
  const parts = [...split].sort((a, b) => sum(b.counts) - sum(a.counts));
  const [shown, rest] = [parts.slice(0, LINES), parts.slice(LINES)];
  return [{ name: t("line-all"), counts: points.map((point) => point.count), filled: true },
    ...shown.map((part) => ({ name: partName(kind, part), counts: part.counts })),
    ...(rest.length ? [{ name: t("part-others"), counts: added([{ counts: points.map(() => 0) }, ...rest]) }] : [])];
}

/**
 * Bars of a split: `size` says how much a part counts, `link` where its sessions are listed.
 *
 * @param {Schemas["SessionSeries"]} series
 * @param {string} kind
 * @param {(counts: number[]) => number} size
 * @param {(value: string) => string} [link]
 */
function bars({ split = [] }, kind, size, link) {
  const all = split.map((part) => ({ key: part.value ?? (part.others ? "others" : "none"), name: partName(kind, part), count: size(part.counts),
    link: part.value && link?.(part.value) })).filter((one) => one.count > 0).sort((a, b) => b.count - a.count);
  const rest = all.slice(MOST);
  return rest.length ? [...all.slice(0, MOST), { key: "rest", name: t("part-others"), count: sum(rest.map((one) => one.count)) }] : all;
}

/** All series that the page shows, of the same steps: those of the first one. */
async function series(step, signal) {
  const ask = (query) => api.get("admin/sessions/series", { step, ...query }, { signal });
  const wanted = [{ metric: "active", by: "device_type" }, { metric: "created" }, { metric: "ended", by: "reason_code" },
    { metric: "active", by: "app_id" }];
  const [active, ...others] = await Promise.all(wanted.map(ask));
  const { since, until } = active; // a new step may have begun between the requests
  const [created, ended, apps] = await Promise.all(others.map((one, at) => (one.since === since && one.until === until
    ? one : ask({ ...wanted[at + 1], since, until }))));
  return { active, created, ended, apps };
}

/** @param {{active: Schemas["SessionSeries"]}} props */
function Active({ active }) {
  const lines = useMemo(() => splitLines(active, "device"), [active, locale.value]);
  const about = active.peak && t("peak", { count: active.peak.count, at: exact(active.peak.at) });
  return html`<${Chart} title=${t("chart-active")} about=${about} points=${active.points} step=${active.step} lines=${lines}
    empty=${t("nothing-active")} />`;
}

/** @param {{created: Schemas["SessionSeries"], ended: Schemas["SessionSeries"]}} props */
function Changes({ created, ended }) {
  const lines = useMemo(() => {
    const line = (name, series) => ({ name: t(name), counts: series.points.map((point) => point.count), filled: name === "line-created" });
    return [line("line-created", created), line("line-ended", ended)];
  }, [created, ended, locale.value]);
  const [began, over] = lines.map((line) => sum(line.counts));
  return html`<${Chart} title=${t("chart-changes")} about=${t("changes-about", { created: number(began), ended: number(over) })}
    points=${created.points} step=${created.step} lines=${lines} empty=${t("nothing-changed")} />`;
}

function Steps({ step }) {
  return html`<div class="switch" role="group" aria-label=${t("period")}>${STEPS.map((one) => html`<a key=${one}
    href=${to(["overview"], { step: one === USUAL ? "" : one })} aria-current=${one === step ? "true" : undefined}>${
    t(`period-${one}`)}</a>`)}</div>`;
}

/** What the sessions are: by device of all that are kept, by reason and application of the period. */
function Shares({ stats, over }) {
  const devices = (breakdown) => Object.entries(breakdown).sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => ({ key: kind, name: named("device", kind), count, link: to(["sessions"], { device_type: kind }) }));
  const ofApp = (app) => to(["sessions"], { app_id: app, status: "active" });
  return html`<div class="thirds">
    ${stats.data && html`<${Bars} title=${t("by-device")} empty=${t("no-sessions")} of=${devices(stats.data.device_breakdown)} />`}
    ${over.data && html`<${Bars} title=${t("by-reason")} empty=${t("nothing-ended")} of=${bars(over.data.ended, "reason", sum)} />
      <${Bars} title=${t("top-apps")} empty=${t("nothing-active")} of=${bars(over.data.apps, "app", (counts) => counts.at(-1) ?? 0, ofApp)} />`}</div>
    <p class="quiet">${stats.data && t("as-of", { at: exact(stats.data.updated_at) })}${" "}${
      over.data?.active.as_of && t("counted-until", { at: exact(over.data.active.as_of) })}</p>`;
}

export function Overview() {
  const asked = route.value.query.get("step");
  const step = STEPS.includes(asked) ? asked : USUAL;
  const stats = useLoaded((signal) => api.get("admin/sessions/stats", {}, { signal }), []);
  const over = useLoaded((signal) => series(step, signal), [step]);
  const newest = useLoaded((signal) => api.get("admin/sessions", { limit: 8, count: "none" }, { signal }), []);
  const reload = () => { stats.reload(); over.reload(); newest.reload(); };
  return html`<div class="top"><h1 tabindex="-1">${t("place-overview")}</h1><${Steps} step=${step} />
      <button type="button" onClick=${reload}>${t("reload")}</button></div>
    <${Loaded} from=${stats}>${(data) => html`<${Tiles} stats=${data} />`}<//>
    <${Loaded} from=${over}>${({ active, created, ended }) => html`<div class="halves"><${Active} active=${active} />
      <${Changes} created=${created} ended=${ended} /></div>`}<//>
    <${Shares} stats=${stats} over=${over} />
    <h2>${t("newest")}</h2>
    <${Loaded} from=${newest}>${(data) => html`<${SessionTable} items=${data.items} caption=${t("newest")} />`}<//>`;
}
