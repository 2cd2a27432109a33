"""The run as JUnit XML: a suite for each chapter, a test case for each case of a check."""

import re
from xml.etree import ElementTree

from sojourn.conformance.reports.summary import Summary
from sojourn.conformance.verdicts import Case

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]")


def junit(summary: Summary) -> str:
    """The XML text."""
    root = ElementTree.Element("testsuites", name=f"conformance, {summary.versions}")
    for chapter in dict.fromkeys(case.check.chapter for case in summary.cases):
        cases = [case for case in summary.cases if case.check.chapter == chapter]
        suite = ElementTree.SubElement(root, "testsuite", name=chapter, tests=str(len(cases)))
        for verdict, name in (("fail", "failures"), ("error", "errors")):
            suite.set(name, str(sum(case.verdict == verdict for case in cases)))
        suite.set("skipped", str(sum(case.verdict in ("skipped", "not applicable") for case in cases)))
        for case in cases:
            _add(suite, case)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: ElementTree.Element, case: Case) -> None:
    item = ElementTree.SubElement(
        suite, "testcase", classname=case.check.id, name=case.name, time=f"{case.seconds:.3f}"
    )
    tag = {"fail": "failure", "error": "error", "skipped": "skipped", "not applicable": "skipped"}.get(case.verdict)
    if tag:
        told = ElementTree.SubElement(item, tag, message=_legal(case.message)[:500])
        told.text = _legal("\n\n".join((case.check.requirement, case.message, *case.exchanges)))


def _legal(text: str) -> str:
    """Without the characters that XML cannot have."""
    return _ILLEGAL.sub("\ufffd", text)
