"""Reports of two servers side by side: what they do not have alike is told, and nothing else."""

import json
from pathlib import Path

import pytest

from sojourn.conformance.reports.compare import main
from tests.conformance.seed_stub import SeedStub
from tests.conformance.serving import served
from tests.conformance.test_seed_profile import TOKEN, judge_stub, one_more


def test_a_lie_is_what_two_runs_differ_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(SeedStub(TOKEN)) as url:
        judge_stub(url, tmp_path / "truth")
    with served(SeedStub(TOKEN, one_more("active_sessions"))) as url:
        said = judge_stub(url, tmp_path / "lie")
    runs = [str(tmp_path / name / "report.json") for name in ("truth", "lie")]

    assert main(runs) == 1
    told = capsys.readouterr().out
    assert f"| {said.failed()[0]} | pass | fail |" in told
    assert f"{len(said.failed())} checks differ." in told
    assert main([runs[0], runs[0]]) == 0
    assert "No check differs." in capsys.readouterr().out
    assert json.loads(Path(runs[0]).read_text())["contract"] in told


@pytest.mark.parametrize("text", ["", "[]", '{"checks": [{}]}', "{"])
def test_what_is_no_report_is_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)

    assert main([str(other), str(other)]) == 3
    assert capsys.readouterr().err.count("\n") == 1
