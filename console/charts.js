// Numbers over time as lines, each with a table of the same numbers, and shares as bars that are also numbers.

import { html, useEffect, useRef, useState } from "./html.js";
import { signal } from "./signals.js";
import { exact, number, Table } from "./parts.js";
import { locale, t } from "./words.js";
import uPlot from "./uplot.js";

/** Lines differ by more than their colour; the style sheet has the same patterns. */
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 4]];
const FILLED = 0.14;
const HEIGHT = 210;
const TICKS = [1, 2, 3, 4, 6, 8, 12, 24, 48];

const dark = matchMedia("(prefers-color-scheme: dark)");
/** Counts up when the theme changes: what is drawn on a canvas does not follow it by itself. */
const theme = signal(0);
dark.addEventListener("change", () => { theme.value += 1; });

/** The instant of a step in few words: a day of UTC, or an hour and a minute where the reader is. */
export function short(at, step) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form = step === "24h" ? { month: "short", day: "numeric", timeZone: "UTC" } : { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(locale.value, form).format(new Date(at));
}

const seeThrough = (colour) => colour.replace("rgb(", "rgba(").replace(")", `, ${FILLED})`);

/**
 * What uPlot needs to know. `colours` are those of the lines; `show` is called with the step below the pointer.
 *
 * @returns {uPlot.Options}
 */
function options({ width, points, step, lines, colours, quiet, grid, show }) {
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: quiet, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width, height: HEIGHT, legend: { show: false }, padding: [10, 12, 0, 0],
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.1))] } },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    axes: [
      { ...axis, incrs: TICKS, space: 64, values: (_, splits) => splits.map((at) => (points[at] ? short(points[at].at, step) : "")) },
      { ...axis, size: 52, incrs: [1, 2, 5].flatMap((one) => [0, 1, 2, 3, 4, 5, 6].map((tens) => one * 10 ** tens)).sort((a, b) => a - b),
        values: (_, splits) => splits.map(number) },
    ],
    series: [{}, ...lines.map((line, at) => ({ label: line.name, stroke: colours[at], width: 2, dash: DASHES[at],
      fill: line.filled ? seeThrough(colours[at]) : undefined, points: { show: false } }))],
    hooks: { setCursor: [(plot) => show(plot.cursor.idx ?? null)] },
  };
}

/** The canvas. It reads the colours of the key beside it, so that style sheet and canvas agree. */
function Canvas({ figure, points, step, lines, label, show }) {
  const holder = useRef(null);
  useEffect(() => {
    const place = holder.current;
    const colour = (selector) => getComputedStyle(figure.current.querySelector(selector)).color;
    const colours = lines.map((_, at) => colour(`.line-${at}`));
    const wide = () => Math.max(200, place.clientWidth);
    const data = [points.map((_, at) => at), ...lines.map((line) => line.counts)];
    const look = { quiet: colour(".key"), grid: getComputedStyle(figure.current).borderTopColor };
    const plot = new uPlot(options({ width: wide(), points, step, lines, colours, show, ...look }), data, place);
    const follow = new ResizeObserver(() => plot.setSize({ width: wide(), height: HEIGHT }));
    follow.observe(place);
    return () => { follow.disconnect(); plot.destroy(); };
  }, [points, lines, theme.value, locale.value]);
  return html`<div class="canvas" ref=${holder} role="img" aria-label=${label}></div>`;
}

/** The names of the lines with their patterns, and the numbers of the step below the pointer, or of the last one. */
function Key({ lines, at }) {
  return html`<ul class="key">${lines.map((line, index) => html`<li key=${line.name}><i class=${`line-${index}`} aria-hidden="true"></i>
    ${line.name} <b>${number(line.counts[at])}</b></li>`)}</ul>`;
}

function Numbers({ title, points, lines }) {
  const columns = [["at", t("step")], ...lines.map((line, at) => [`line-${at}`, line.name])];
  return html`<details class="numbers"><summary>${t("as-table")}</summary><${Table} caption=${title} columns=${columns} rows=${
    points.map((point, at) => html`<tr key=${point.at}><td><time datetime=${point.at}>${exact(point.at)}</time></td>
      ${lines.map((line) => html`<td key=${line.name}>${number(line.counts[at])}</td>`)}</tr>`)} /></details>`;
}

/**
 * Lines over the same steps. `lines` are `{name, counts, filled}`, at most five; `about` is a sentence below the
 * title, `empty` what stands there while every number is 0.
 */
export function Chart({ title, about, points, step, lines, empty }) {
  const figure = useRef(null);
  const [below, setBelow] = useState(null);
  const nothing = lines.every((line) => line.counts.every((count) => count === 0));
  const last = points.length - 1;
  const at = below !== null && below <= last ? below : last;
  return html`<section class="card chart" ref=${figure}><h2>${title}</h2>
    ${nothing ? html`<p class="quiet nothing">${points.length ? empty : t("not-counted")}</p>` : html`
      <p class="quiet">${about}</p>
      <${Canvas} figure=${figure} points=${points} step=${step} lines=${lines} show=${setBelow}
        label=${t("chart-about", { title, from: exact(points[0].at), to: exact(points[last].at) })} />
      <div class="legend"><span class="quiet">${short(points[at].at, step)}</span><${Key} lines=${lines} at=${at} /></div>
      <${Numbers} title=${title} points=${points} lines=${lines} />`}</section>`;
}

/** Counts by value, the largest first: `{key, name, count, link}`. */
export function Bars({ title, of, empty }) {
  const most = Math.max(1, ...of.map((one) => one.count));
  return html`<section class="card"><h2>${title}</h2>${of.length === 0 && html`<p class="quiet">${empty}</p>`}
    <ul class="bars">${of.map(({ key, name, count, link }) => html`<li key=${key}>${link ? html`<a href=${link}>${name}</a>` : html`<b>${name}</b>`}
      <meter min="0" max=${most} value=${count} aria-label=${name}></meter><span>${number(count)}</span></li>`)}</ul></section>`;
}
