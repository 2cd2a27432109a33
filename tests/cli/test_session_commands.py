"""`sojourn session` finds what the filters say, in tables, arrays and exports, and ends what is asked."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.session_export import COLUMNS, FORMATS
from sojourn.cli.session_filters import FILTERS
from sojourn.openapi.loader import load_bundle
from sojourn.storage.queries.session_filters import SessionFilter
from tests.cli.databases import SETTINGS, TENANT, done, made_up, run

SEED = ("seed", "--yes", "--sessions", "900", "--users", "90", "--tenants", "2")
Line = dict[str, Any]


def exported(url: str, *filters: str) -> list[Line]:
    return [json.loads(line) for line in done(url, "session", "export", *TENANT, *filters).stdout.splitlines()]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from made_up(request, *SEED)


Fits = Callable[[Line, str], bool]
MEANT: dict[str, Fits] = {
    "ip": lambda row, value: "ip" in row and ip_address(row["ip"]) in ip_network(value, strict=False),
    "user_agent_contains": lambda row, value: value.lower() in row.get("user_agent", "").lower(),
    "amr": lambda row, value: value in row.get("amr", "").split(","),
    "auth_time_before": lambda row, value: row["authenticated_at"] < value,
    "created_after": lambda row, value: row["created_at"] >= value,
    "created_before": lambda row, value: row["created_at"] < value,
    "active_after": lambda row, value: row["last_active_at"] >= value,
    "active_before": lambda row, value: row["last_active_at"] < value,
}
UNKNOWN = {"app_id", "device_fingerprint"}
"""Filters that are asked for what nobody has."""


def values_of(row: Line) -> dict[str, str]:
    """For each filter a value that a session fits, or nearly fits."""
    own = {name: row[name] for name in FILTERS if name in row}
    at = {name: row["created_at"] for name in FILTERS if name.endswith(("_after", "_before"))}
    network = row["ip"] + ("/24" if "." in row["ip"] else "/64")
    return own | at | {"ip": network, "user_agent_contains": "mozILLA", "amr": row["amr"].split(",")[0]}


def options(filters: dict[str, str]) -> list[str]:
    return [part for name, value in filters.items() for part in (f"--{name.replace('_', '-')}", value)]


def test_a_list_and_an_export_hold_what_fits_every_filter(url: str) -> None:
    everything = exported(url)
    known = values_of(
        next(row for row in everything[100:] if {"ip", "user_agent", "amr", "device_id", "country"} <= row.keys())
    )
    asked = [{name: value} for name, value in known.items()]
    asked += [{"status": "revoked", "created_after": known["created_after"]}, {"device_type": "mobile", "amr": "otp"}]
    asked += [{name: "nobody"} for name in UNKNOWN] + [{"asn": "64500"}]

    assert len(everything) == 450
    assert {name for filters in asked for name in filters} == set(FILTERS)
    for filters in asked:
        fits = [
            row["id"]
            for row in everything
            if all(MEANT.get(name, lambda row, value, n=name: row.get(n) == value)(row, value)  # type: ignore[misc]
                   for name, value in filters.items())
        ]  # fmt: skip
        listed = json.loads(
            done(url, "session", "list", *TENANT, *options(filters), "--limit", "10000", "--json").stdout
        )

        assert [row["id"] for row in listed] == fits, filters
        assert [row["id"] for row in exported(url, *options(filters))] == fits, filters


def test_a_table_has_the_newest_first_and_no_more_than_the_limit(url: str) -> None:
    head, *rows = done(url, "session", "list", *TENANT, "--limit", "7").stdout.splitlines()
    oldest = done(url, "session", "list", *TENANT, "--limit", "7", "--sort", "created_at", "--json").stdout
    ids = [row["id"] for row in exported(url)]

    assert head.split() == ["ID", "USER", "STATUS", "MADE", "USED", "DEVICE", "ADDRESS"]
    assert [row.split()[0] for row in rows] == ids[:7]
    assert [row["id"] for row in json.loads(oldest)] == ids[:-8:-1]
    assert done(url, "session", "list", *TENANT, "--user-id", "nobody", "--json").stdout == "[]\n"


def test_a_sheet_has_the_same_sessions_as_the_lines(url: str) -> None:
    sheet = list(csv.DictReader(io.StringIO(done(url, "session", "export", *TENANT, "--csv").stdout)))

    assert [{name: cell for name, cell in row.items() if cell} for row in sheet] == exported(url)


def test_one_session_is_shown_whole_from_whatever_tenant(url: str) -> None:
    row = exported(url)[3]

    assert json.loads(done(url, "session", "show", row["id"], "--json").stdout) == row
    assert dict(line.split(None, 1) for line in done(url, "session", "show", row["id"]).stdout.splitlines()) == row
    elsewhere = run(url, "session", "show", row["id"], "--tenant", "tnt_0002")
    assert elsewhere.exit_code == 1
    assert f"there is no session {row['id']}" in elsewhere.output


def test_sessions_end_by_filter_and_by_id_and_nothing_else_does(url: str) -> None:
    before = {row["id"]: row["status"] for row in exported(url)}
    wanted = {row["id"] for row in exported(url, "--status", "active", "--device-type", "mobile")}
    unasked = run(url, "session", "end", *TENANT, "--device-type", "mobile")
    counted = done(url, "session", "end", *TENANT, "--device-type", "mobile", "--dry-run").stdout
    assert {row["id"]: row["status"] for row in exported(url)} == before

    ended = done(url, "session", "end", *TENANT, "--device-type", "mobile", "--yes", "--reason", "lost phones")
    one = next(row for row in exported(url, "--status", "active"))
    single = done(url, "session", "end", one["id"], *TENANT, "--yes", "--reason-code", "credential_change")
    again = done(url, "session", "end", one["id"], *TENANT, "--yes")

    after = {row["id"]: row for row in exported(url)}
    assert (unasked.exit_code, "add --yes" in unasked.output) == (1, True)
    assert (counted, ended.stdout) == (f"{len(wanted)} sessions would end\n", f"{len(wanted)} sessions ended\n")
    assert (single.stdout, again.stdout) == ("1 sessions ended\n", "0 sessions ended\n")
    assert {key for key, row in after.items() if row["status"] != before[key]} == wanted | {one["id"]}
    facts = ("revoked_by", "revoke_reason", "reason_code")
    assert {tuple(after[key][name] for name in facts) for key in wanted} == {
        ("operator", "lost phones", "revoked_by_admin")
    }
    assert after[one["id"]]["reason_code"] == "credential_change"
    records = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert [(one["event"], one["count"]) for one in records] == [("sessions.ended", len(wanted))]
    assert done(url, "check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", *TENANT, "--ip", "10.0.0.0/99"), "neither an address nor a network"),
        (("list", *TENANT, "--created-after", "yesterday"), "is not an instant"),
        (("list", *TENANT, "--country", "F1"), "is not a country's code"),
        (("list", *TENANT, "--asn", "4294967296"), "is not the number of a network"),
        (("list", *TENANT, "--status", "asleep"), "must be one of active, suspended, expired, revoked"),
        (("list", *TENANT, "--sort", "id"), "must be one of"),
        (("list", *TENANT, "--user-id", " "), "printable characters"),
        (("list", "--tenant", "nobody"), "there is no tenant nobody"),
        (("list",), "--tenant"),
        (("show", "sess_1"), "is not the id of a session"),
        (("end", *TENANT), "by IDs or by filters"),
        (("end", *TENANT, "--status", "expired"), "by IDs or by filters"),
        (("end", *TENANT, "--user-id", "a", "--reason", "\n"), "printable characters"),
    ],
)
def test_a_mistake_is_explained(url: str, arguments: tuple[str, ...], said: str) -> None:
    result = run(url, "session", *arguments)

    assert result.exit_code in (1, 2)
    assert said in result.output
    assert result.stdout == ""


def test_options_and_columns_are_those_of_the_contract() -> None:
    members = load_bundle()["components"]["schemas"]["SessionResponse"]["properties"]

    assert list(FILTERS) == list(SessionFilter.__dataclass_fields__)
    assert {name.partition(".")[0] for name in COLUMNS} == set(members) - {"current"}


def test_a_text_that_would_be_a_formula_is_none_in_a_sheet() -> None:
    _, line = FORMATS["csv"]
    cells = next(csv.reader([line({"id": "sess_1", "user_agent": '=HYPERLINK("x")', "idp": {"issuer": "-i"}})]))
    row = dict(zip(COLUMNS, cells, strict=True))

    assert (row["id"], row["user_agent"], row["idp.issuer"]) == ("sess_1", """'=HYPERLINK("x")""", "'-i")


def test_a_terminal_is_shown_how_far_an_export_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sojourn.db"
    done(url, *SEED)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "sojourn", "session", "export", *TENANT, "--output", str(tmp_path / "sessions")]
    environ = {**os.environ, **SETTINGS, "SOJOURN_DATABASE_URL": url, "TERM": "xterm"}
    subprocess.run(command, env=environ, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert "450/450" in shown
    assert "450 sessions written" in shown
    assert len((tmp_path / "sessions").read_text().splitlines()) == 450
