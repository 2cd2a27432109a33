"""The command line: `python -m sojourn.conformance URL …`, pytest underneath.

`--help` needs none of the extra's packages, so they are imported where a server is judged.
"""

import argparse
import os
import random
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sojourn.conformance import catalogue
from sojourn.conformance.checks import FEATURES, PROFILES
from sojourn.conformance.target import Target, Unusable, tenant_of
from sojourn.conformance.verdicts import STATUS

_FOLDER = Path(__file__).parent
MOST_PARALLEL = 64
_EPILOG = """exit status: 0 pass, 1 fail, 2 partial (something was skipped), 3 the suite could not work.
Options after `--` go to pytest."""
_NOT_INSTALLED = (
    "conformance: {} is not installed: run `pip install 'sojourn[conformance]'`, in a checkout"
    " `pip install '.[conformance]'`"
)


def main(arguments: Sequence[str]) -> int:
    """Judge a server; the exit status."""
    ours, _, theirs = _split(list(arguments))
    try:
        import pytest

        from sojourn.conformance.plugin import Judge
    except ModuleNotFoundError as error:
        if {"-h", "--help"}.isdisjoint(ours):
            print(_NOT_INSTALLED.format(error.name), file=sys.stderr)
            return STATUS["error"]
    try:
        target = _target(_parser().parse_args(ours))
        judge = Judge(target)
    except Unusable as error:
        print(f"conformance: {error}", file=sys.stderr)
        return STATUS["error"]
    os.environ.setdefault("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a verdict depends on no plugin that is about
    pytest.main(
        ["-c", str(_FOLDER / "pytest.ini"), "--rootdir", str(_FOLDER), *theirs, str(_FOLDER / "chapters")],
        plugins=[judge],
    )
    return STATUS[judge.outcome]


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    place = arguments.index("--")
    return arguments[:place], "--", arguments[place + 1 :]


class _Parser(argparse.ArgumentParser):
    """Leaves with the status that says that the suite could not work."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse says NoReturn; so it is
        self.print_usage(sys.stderr)
        self.exit(STATUS["error"], f"{self.prog}: {message}\n")


class _List(argparse.Action):
    """Prints every check and leaves."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any, **more: Any) -> None:
        print("\n".join(catalogue.lines()))
        parser.exit(STATUS["pass"])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="conformance",
        description="Judge a server that claims the contract, over HTTP.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--list", action=_List, nargs=0, help="print every check with its requirement and its source, and leave")
    add("url", help="where the operations are mounted, such as http://localhost:8080")
    add("--api-key", required=True, help="an API key that is good for both tenants")
    add("--admin-token", required=True, help="a bearer token of an administrator")
    add("--tenant", help="the administrator's tenant; else the token's claim `tenant_id` says it")
    add("--second-admin-token", help="the same of another tenant: without it nothing is said of tenancy")
    add("--second-tenant", help="its tenant, where the token does not say it")
    add("--limited-api-key", help="an API key that is good for neither of the two tenants")
    add("--manage-api-key", help="an API key with the scope `manage`: without it nothing is said of keys and scopes")
    add("--stranger-token", help="an administrator's token of a tenant that does not exist")
    add("--user-token", help="a token of a user of the first tenant who is no administrator, for `seed`")
    add("--expired-token", help="an administrator's token of the first tenant that has ended, for `seed`")
    add("--short-lived-url", help="an instance whose sessions end within seconds, for the same callers")
    add("--receiver-url", help="leads from the server to a free port of this machine, for webhooks")
    add("--ca-file", type=Path, metavar="FILE", help="certificates in PEM that may vouch for the server")
    add("--contract", type=Path, metavar="FILE", help="the contract as one document; else the one of this package")
    add("--profile", choices=PROFILES, default="core", help="what is judged (default: %(default)s)")
    add("--feature", choices=FEATURES, action="append", default=[], help="judge this too; may be repeated")
    add("--check", action="append", default=[], metavar="ID", help="judge only this; may be repeated")
    add("--seed", type=int, metavar="N", help="repeats a run whose randomised parts had this seed")
    add("--examples", type=int, default=20, metavar="N", help="cases for an operation in contract fuzzing")
    add("--parallel", type=_count, default=1, metavar="N", help="cases of a check that run at once (default: 1)")
    add("--patience", type=float, default=40, metavar="S", help="how long to wait for a time-out (default: 40)")
    add("--expected-failures", type=Path, metavar="FILE", help="checks that are known to fail, one `ID reason` a line")
    add("--report-dir", type=Path, metavar="DIR", help="where to write report.html, junit.xml, report.json, …")
    return parser


def _count(text: str) -> int:
    """A number of cases. Raises ValueError, which argparse tells."""
    number = int(text)
    if not 1 <= number <= MOST_PARALLEL:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_PARALLEL}")
    return number


def _readable(authorities: Path | None) -> Path | None:
    """The file of certificates. Raises Unusable when it holds none."""
    if authorities is not None:
        try:
            ssl.create_default_context(cafile=authorities)
        except OSError as error:
            raise Unusable(f"{authorities}: no certificates can be read from it: {error}") from None
    return authorities


def _target(given: argparse.Namespace) -> Target:
    """What was asked for. Raises Unusable."""
    if urlsplit(given.url).scheme not in ("http", "https") or not urlsplit(given.url).hostname:
        raise Unusable(f"{given.url!r} is no http or https URL")
    second = given.second_admin_token
    return Target(
        url=given.url.rstrip("/"),
        api_key=given.api_key,
        admin_token=given.admin_token,
        tenant=given.tenant or tenant_of(given.admin_token),
        second_admin_token=second,
        second_tenant=given.second_tenant or (tenant_of(second) if second else None),
        limited_api_key=given.limited_api_key,
        manage_api_key=given.manage_api_key,
        stranger_token=given.stranger_token,
        user_token=given.user_token,
        expired_token=given.expired_token,
        short_lived_url=given.short_lived_url,
        receiver_url=given.receiver_url,
        ca_file=_readable(given.ca_file),
        contract=given.contract,
        profile=given.profile,
        features=tuple(given.feature),
        only=tuple(given.check),
        seed=given.seed if given.seed is not None else random.SystemRandom().randrange(2**32),
        examples=given.examples,
        parallel=given.parallel,
        patience=given.patience,
        expected_failures=given.expected_failures,
        report_dir=given.report_dir,
    )
