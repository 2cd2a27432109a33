"""The run in Markdown: what a pull request or a job summary shows."""

from sojourn.conformance.coverage import Coverage
from sojourn.conformance.reports.summary import Summary

_BAD = ("fail", "error", "skipped")


def markdown(summary: Summary, coverage: Coverage) -> str:
    """The text."""
    counts = ", ".join(f"{count} {name}" for name, count in summary.counts.items())
    lines = [f"# Conformance: {summary.verdict}", ""]
    lines += [
        f"Profile {summary.profile}, {len(summary.checks)} checks: {counts}. Seed {summary.seed}; {summary.versions}.",
        "",
    ]
    bad = [case for case in summary.cases if case.verdict in _BAD]
    if bad:
        lines += ["| check | verdict | requirement | what happened |", "|---|---|---|---|"]
        for case in bad:
            first = _cell(case.message.strip().partition("\n")[0])[:300]
            lines.append(
                f"| {case.check.id} {_cell(case.name)} | {case.verdict} | {_cell(case.check.requirement)} | {first} |"
            )
        lines.append("")
    lines += ["| coverage | of | percent | missing | excused |", "|---|---:|---:|---:|---:|"]
    for item in coverage.measures.values():
        counted = f"{len(item.missing)} | {len(item.excused)}"
        lines.append(f"| {item.name} | {item.wanted} | {item.percent:.1f} | {counted} |")
    lines += ["", "| chapter | operations | parameters | statuses |", "|---|---:|---:|---:|"]
    for chapter, numbers in coverage.by_chapter.items():
        lines.append(f"| {chapter} | {numbers['operations']} | {numbers['parameters']} | {numbers['statuses']} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
