"""The run as one HTML file: what failed and how to repeat it, every check, coverage with its heat map. No script."""

import math
from html import escape

from sojourn.conformance.contract import Contract
from sojourn.conformance.coverage import Coverage, Measure
from sojourn.conformance.exceptions import listed
from sojourn.conformance.reports.summary import Summary
from sojourn.conformance.verdicts import Case

_STYLE = """
:root{color-scheme:light dark;--accent:light-dark(#0b5c6b,#7fd3e0);--line:#8884;--heat:46,125,50;
--ok:light-dark(#2e7d32,#7bd88f);--bad:light-dark(#c62828,#ff8a80);--part:light-dark(#8a5300,#ffc266)}
body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:1rem auto;padding:0 1rem;background:Canvas;
color:CanvasText}body>header{display:flex;gap:.5rem;align-items:center;padding-bottom:.5rem;
border-bottom:3px solid var(--accent);
color:var(--accent);font-weight:bold}body>header svg{width:1.75rem;height:1.75rem}h1,h3,p,li,dd{overflow-wrap:anywhere}
h1 small{font-weight:400;opacity:.7}table{border-collapse:collapse;margin:1rem 0}
td,th{border:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}
.pass{color:var(--ok)}.fail,.error{color:var(--bad);font-weight:600}.skipped,.partial{color:var(--part)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.6rem;border-radius:4px;font-size:13px}
article{border-left:4px solid var(--bad);padding-left:1rem;margin:1.5rem 0}
.heat td{text-align:right;font-size:12px}.heat th{font-size:12px;font-weight:400}.scroll{overflow-x:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0}
@media print{:root{color-scheme:light}h2,h3{break-after:avoid}article,tr{break-inside:avoid}}
@media (max-width:40rem){body{font-size:14px}td,th{padding:.15rem .3rem}h1{font-size:1.4rem}}
"""
_MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#0b5c6b"/>'
    '<path d="M9 25V13a7 7 0 0 1 14 0v12" fill="none" stroke="#fff" stroke-width="3"/>'
    '<circle cx="16" cy="17" r="3" fill="#ffd166"/></svg>'
)
_BAD = ("fail", "error")
_LEGEND = (
    "<details><summary>Legend</summary><dl>"
    '<dt class="pass">pass</dt><dd>The server fulfils the requirement.</dd>'
    '<dt class="fail">fail</dt><dd>It does not; the fault is in the server.</dd>'
    '<dt class="error">error</dt><dd>The suite could not decide; the fault is in the suite.</dd>'
    '<dt class="skipped">skipped</dt><dd>An option that the check needs was not given.</dd>'
    "<dt>not applicable</dt><dd>The contract has nothing that the check is about, or a key for it was not given.</dd>"
    "<dt>coverage</dt><dd>What of the contract the run exercised; what is excused cannot be caused from outside.</dd>"
    "<dt>heat map</dt><dd>How often each chapter called an operation: the darker, the more often.</dd>"
    "</dl></details>"
)


def page(summary: Summary, coverage: Coverage, *, contract: Contract) -> str:
    """The whole document."""
    counts = ", ".join(f"{count} {name}" for name, count in summary.counts.items())
    return "\n".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Conformance</title>',
            '<meta name="viewport" content="width=device-width"><style>' + _STYLE + "</style>",
            f"<body><header>{_MARK}Sojourn: conformance suite</header><main>",
            f'<h1>Conformance: <span class="{summary.verdict}">{summary.verdict}</span></h1>',
            f"<p>{escape(summary.url)}, profile {summary.profile}, {len(summary.checks)} checks: {escape(counts)};"
            f" {summary.seconds:.0f} s; {escape(summary.versions)}."
            f" Randomised parts are repeated by <code>--seed {summary.seed}</code>.</p>",
            _LEGEND,
            _failures(summary),
            "<h2>Coverage</h2>",
            _measures(list(coverage.measures.values())),
            _heat(coverage, contract),
            _exceptions(),
            "<h2>Checks</h2>",
            f'<div class="scroll">{_checks(summary)}</div>',
            "</main></body></html>\n",
        )
    )


def _failures(summary: Summary) -> str:
    bad = [case for case in summary.cases if case.verdict in _BAD]
    skipped = [case for case in summary.cases if case.verdict == "skipped"]
    parts = ["<h2>What failed</h2>", *map(_failure, bad)] if bad else ["<p>Nothing failed.</p>"]
    if skipped:
        parts += ["<h2>What was skipped</h2><ul>"]
        parts += [f"<li>{case.check.id} {escape(case.name)}: {escape(case.message)}</li>" for case in skipped]
        parts += ["</ul>"]
    return "\n".join(parts)


def _failure(case: Case) -> str:
    found = case.check
    exchanges = "".join(f"<pre>{escape(text)}</pre>" for text in case.exchanges)
    shown = f"<details><summary>The last exchanges</summary>{exchanges}</details>" if exchanges else ""
    return (
        f'<article id="{escape(found.id)}"><h3>{escape(found.id)} {escape(found.title)}</h3>'
        f"<p>{escape(found.requirement)} <small>({escape(found.source)})</small></p>"
        f'<p class="{case.verdict}">{escape(case.name)}</p><pre>{escape(case.message[:4000])}</pre>{shown}</article>'
    )


def _measures(measures: list[Measure]) -> str:
    rows = [
        f"<tr><td>{item.name}</td><td>{item.wanted}</td><td>{item.percent:.1f} %</td>"
        f"<td>{_list(item.missing)}</td><td>{_list(item.excused)}</td></tr>"
        for item in measures
    ]
    head = "<tr><th>what</th><th>of</th><th>exercised</th><th>missing</th><th>excused</th></tr>"
    return '<div class="scroll"><table>' + head + "".join(rows) + "</table></div>"


def _list(items: tuple[str, ...]) -> str:
    if not items:
        return "none"
    return f"<details><summary>{len(items)}</summary>" + "<br>".join(map(escape, items)) + "</details>"


def _heat(coverage: Coverage, contract: Contract) -> str:
    """Operations by chapters: how often each was called, the darker the more."""
    chapters = list(coverage.by_chapter)
    hottest = math.log1p(max(coverage.calls.values(), default=1))
    rows = []
    for operation in contract.operations:
        cells = []
        for chapter in chapters:
            calls = coverage.calls[operation, chapter]
            shade = math.log1p(calls) / hottest
            cells.append(f'<td style="background:rgba(var(--heat),{shade:.2f})">{calls or ""}</td>')
        rows.append(f"<tr><th>{escape(operation)}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{chapter}</th>" for chapter in chapters)
    return (
        "<h3>Heat map: calls of each operation in each chapter</h3>"
        f'<div class="scroll"><table class="heat"><tr><th>operation</th>{head}</tr>{"".join(rows)}</table></div>'
    )


def _exceptions() -> str:
    items = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in listed())
    return f"<details><summary>Exceptions, by name and reason</summary><ul>{items}</ul></details>"


def _checks(summary: Summary) -> str:
    rows = []
    for found, verdict in summary.checks.items():
        cases = summary.cases_of(found)
        judged = sum(case.verdict != "not applicable" for case in cases)
        rows.append(
            f'<tr><td>{found.id}</td><td class="{verdict}">{verdict}</td><td>{escape(found.title)}</td>'
            f"<td>{escape(found.requirement)}<br><small>{escape(found.source)}</small></td>"
            f"<td>{escape(found.feature or found.profile)}</td><td>{judged}</td></tr>"
        )
    head = "<tr><th>id</th><th>verdict</th><th>title</th><th>requirement</th><th>profile</th><th>cases</th></tr>"
    return "<table>" + head + "".join(rows) + "</table>"
