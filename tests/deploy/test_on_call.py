"""The page for the person on call has a row for each alert, and no other."""

import re
from pathlib import Path

import yaml

HOME = Path(__file__).parents[2]


def test_each_alert_has_its_row() -> None:
    groups = yaml.safe_load((HOME / "deploy/monitoring/alerts.yaml").read_text("utf-8"))["groups"]
    rows = re.findall(r"^\| `(Sojourn\w+)` \|", (HOME / "docs/on-call.md").read_text("utf-8"), re.MULTILINE)

    assert rows == [rule["alert"] for group in groups for rule in group["rules"]]
