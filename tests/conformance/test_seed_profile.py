"""The seed profile, on a server that has the five seed operations and no other: truthful in health and not."""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.seed_stub import SeedStub
from tests.conformance.serving import FIRST, admin_token, judge, served

TOKEN = admin_token(FIRST)


def one_more(name: str) -> Any:
    """Counts one more than there is."""

    def lie(operation: str, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, name: document[name] + 1} if name in document else document

    return lie


def another_type(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    """Answers a number as text."""
    if operation != "active":
        return document
    return {**document, "session_count": str(document["session_count"])}


def somebody_elses(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    """Lists sessions of another user."""
    if operation != "list":
        return document
    return {**document, "items": [{**item, "user_id": "usr_eve"} for item in document["items"]]}


def no_username(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    """Leaves out a member that the seed page calls required."""
    if "sessions" not in document:
        return document
    rows = [{name: value for name, value in row.items() if name != "auth_method"} for row in document["sessions"]]
    return {**document, "sessions": rows}


def test_a_truthful_stub_passes_within_a_minute(tmp_path: Path) -> None:
    server = SeedStub(TOKEN)
    with served(server) as url:
        said = judge_stub(url, tmp_path)

    assert said.status == 0, said.output
    assert set(said.verdicts.values()) == {"pass", "not applicable"}
    assert list(said.verdicts.values()).count("pass") >= 30
    assert f"report: {tmp_path / 'report.html'}\n" in said.output
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("lie", "caught_by"),
    [
        (one_more("session_count"), "SED-002"),
        (one_more("active_sessions"), "SED-006"),
        (one_more("revoked_sessions"), "SED-005"),
        (another_type, "SED-001"),
        (somebody_elses, "SED-003"),
        (no_username, "SED-001"),
        (one_more("total"), "SED-004"),
    ],
)
def test_a_lie_is_caught_by_the_check_that_names_it(lie: Any, caught_by: str, tmp_path: Path) -> None:
    with served(SeedStub(TOKEN, lie)) as url:
        said = judge_stub(url, tmp_path)

    assert said.status == 1, said.output
    assert caught_by in said.failed(), said.output


def test_a_stub_without_sessions_is_partial_and_no_pass(tmp_path: Path) -> None:
    server = SeedStub(TOKEN)
    server.sessions = []
    with served(server) as url:
        said = judge_stub(url, tmp_path)

    assert said.status == 2, said.output
    assert said.verdicts["SED-002"] == "skipped"


def judge_stub(url: str, folder: Path) -> Any:
    """The seed profile with one API key and one administrator's token."""
    arguments = ["--profile", "seed", "--admin-token", TOKEN, "--tenant", FIRST]
    return judge(url, folder, *arguments, one_tenant=True)


def test_nobody_listening_is_not_the_servers_failure(tmp_path: Path) -> None:
    said = judge_stub("http://127.0.0.1:9", tmp_path)

    assert said.status == 3
    assert "cannot be reached" in said.output


def test_a_refused_api_key_is_not_the_servers_failure(tmp_path: Path) -> None:
    with served(SeedStub(TOKEN)) as url:
        said = judge(url, tmp_path, "--profile", "seed", "--api-key", "wrong", one_tenant=True)

    assert said.status == 3
    assert "the API key is refused" in said.output


def test_a_check_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    with served(SeedStub(TOKEN)) as url:
        said = judge(url, tmp_path, "--profile", "seed", "--check", "SED-999", one_tenant=True)

    assert said.status == 3


def test_an_expected_failure_that_passes_is_a_failure(tmp_path: Path) -> None:
    expected = tmp_path / "expected.txt"
    expected.write_text("SED-006 counts are taken from a replica that lags\n")
    with served(SeedStub(TOKEN, one_more("active_sessions"))) as url:
        lagging = judge_stub_with(url, tmp_path, expected, "SED-006")
    with served(SeedStub(TOKEN)) as url:
        truthful = judge_stub_with(url, tmp_path, expected, "SED-006")

    assert lagging.status == 0, lagging.output
    assert truthful.status == 1, truthful.output


def judge_stub_with(url: str, folder: Path, expected: Path, check: str) -> Any:
    """One check, with a list of expected failures."""
    arguments = ["--admin-token", TOKEN, "--check", check, "--expected-failures", str(expected)]
    return judge(url, folder, *arguments, one_tenant=True)
