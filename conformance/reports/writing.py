"""The reports of a run, each in its form, in one folder."""

import json
from pathlib import Path

from sojourn.conformance.contract import Contract
from sojourn.conformance.coverage import Coverage, measure
from sojourn.conformance.reports.badge import badge
from sojourn.conformance.reports.junit import junit
from sojourn.conformance.reports.markdown import markdown
from sojourn.conformance.reports.page import page
from sojourn.conformance.reports.summary import Summary, summarise
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.verdicts import Case, Outcome


def write_reports(target: Target, contract: Contract, *, traffic: Traffic, cases: list[Case], verdict: Outcome) -> None:
    """Write every report into the folder that the target names: JSON, JUnit, Markdown, HTML and a badge."""
    folder = target.report_dir or Path("reports")
    folder.mkdir(parents=True, exist_ok=True)
    coverage = measure(contract, traffic)
    summary = summarise(target, contract, cases=cases, verdict=verdict)
    for name, text in _texts(summary, coverage, contract=contract):
        (folder / name).write_text(text, "utf-8")


def _texts(summary: Summary, coverage: Coverage, *, contract: Contract) -> list[tuple[str, str]]:
    return [
        ("report.json", json.dumps(summary.as_document(coverage), indent=2, ensure_ascii=False) + "\n"),
        ("junit.xml", junit(summary)),
        ("summary.md", markdown(summary, coverage)),
        ("report.html", page(summary, coverage, contract=contract)),
        ("badge.svg", badge(summary)),
    ]
