"""One run of Schemathesis over HTTP: its configuration written, the command run, its reports read."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sojourn.conformance.contract import Contract
from sojourn.conformance.fuzzing.data import Filling
from sojourn.conformance.target import Target, subject_of
from sojourn.openapi.document import Operation, link_body, operations

Profile = Literal["main", "chains", "links", "isolation"]
"""`main`: everything, as one tenant. `chains`: links only, from the operations that create something.
`links`: some links only. `isolation`: as two tenants whose rows must never meet."""

_HOOKS = Path(__file__).parent / "hooks.py"
_CONDITIONS = Path(__file__).parent / "conditions.py"
_SECONDS = 1500
_BOUND = {
    "header.X-Tenant-ID": ("tenants", 0.95),
    "path.user_id": ("users", 0.6),
    "query.user_id": ("users", 0.6),
    "query.auth_user_id": ("users", 0.6),
    "path.session_id": ("sessions", 0.7),
    "query.session_id": ("sessions", 0.7),
    "query.wait": ("waits", 1.0),
    "path.device_id": ("devices", 0.7),
    "path.token_id": ("tokens", 0.7),
    "path.entry_id": ("blacklist_entries", 0.7),
    "path.device_fingerprint": ("fingerprints", 0.6),
    "path.slug": ("problem_types", 0.7),
    "path.list_id": ("status_lists", 0.7),
    "path.webhook_id": ("webhooks", 0.7),
    "path.client_id": ("logout_clients", 0.7),
    "path.plan_id": ("plans", 0.7),
    "path.revocation_id": ("revocations", 0.7),
    "body.session_id": ("sessions", 0.9),
    "body.tenant_id": ("tenants", 0.9),
    "body.auth_user_id": ("users", 0.9),
    "body.refresh_token": ("refresh_tokens", 0.7),
    "body.subject_token": ("access_tokens", 0.7),
    "body.access_token": ("access_tokens", 0.5),
}
_SELECTION = {
    "main": (),
    "chains": ("--phases", "stateful", "--exclude-path-regex", "^/(problems|health|openapi|docs)"),
    "links": ("--phases", "stateful"),
    # Refusing all tokens of a tenant or of a user may end the run's own.
    "isolation": ("--exclude-path-regex", "^/(admin/tokens/revoke-all|internal/session/erase-user-data)$"),
}


_BEGINS_BY_ITSELF = ("/problems", "/trusted-devices", "/sessions/refresh", "/sessions/rotate-access")
"""Where one of these has links, Schemathesis begins chains with nothing else. Their links get a run each."""
_OUTLIVES_DELETION = (
    "PATCH /sessions/{session_id}",
    "PATCH /internal/session/{session_id}",
    "GET /sessions/{session_id}",
    "DELETE /sessions/{session_id}",
    "GET /internal/session/{session_id}",
    "DELETE /internal/session/{session_id}",
    "GET /internal/session/{session_id}/usage",
    "GET /admin/sessions/{session_id}/events",
)
"""Ending a session is a fact that is kept, not a deletion: it is still shown (as revoked), and ended again."""
_JUDGES_BY_MORE_THAN_FORM = (
    "POST /internal/session/create",
    "POST /sessions",
    "POST /internal/session/generate-tokens",
    "POST /admin/tokens/exchange",
    "PUT /admin/tokens/config",
    "POST /internal/session/{session_id}/elevate",
    "DELETE /sessions",
    "GET /admin/sessions",
    "GET /admin/sessions/series",
    "GET /sessions",
    "GET /sessions/user/{user_id}/sessions",
    "GET /internal/session/sessions/{user_id}",
    "POST /admin/webhooks",
    "PATCH /admin/webhooks/{webhook_id}",
    "POST /admin/webhooks/{webhook_id}/rotate-secret",
    "POST /admin/webhooks/{webhook_id}/replay",
    "POST /admin/logout-clients",
    "PATCH /admin/logout-clients/{client_id}",
    "POST /admin/revocation-plans",
    "POST /admin/revocation-plans/{plan_id}/apply",
    "POST /admin/sessions/{session_id}/suspend",
)
"""A tenant that is not the header's, a token that is not good, lifetimes that contradict, more methods than a session
names with those it has, a caller whose token names no session, a cursor of another list or beside a page, a URL that
nothing may be sent to, an overlap of more than a hundred years, a period beside one delivery, an end with a suspension
that has none, a series that ends before it begins or has too many steps: 400, though well-formed."""
_NAMES_ANOTHER_THING = ("POST /admin/webhooks/{webhook_id}/replay",)
"""A 404 is about a delivery that the body names, not about what was just created. They judge by more than form, too."""
_DEPENDS_ON_WHAT_IS_THERE = {
    "POST /internal/session/create": (409,),
    "POST /sessions": (409,),
    "POST /admin/revocation-plans/{plan_id}/apply": (409, 410),
    "POST /admin/logout-clients": (409,),
}
"""A sign-in from before an end of the user, more sessions than a plan may end, an id that is taken: refused, though
well-formed."""


_LONGEST_RESPONSE_SECONDS = 30
"""A test of a webhook waits fifteen seconds for its receiver."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: exit status, what was printed, the reports."""

    exit_status: int
    output: str
    summary: dict[str, Any]
    events: list[dict[str, Any]]


def run(
    target: Target,
    contract: Contract,
    *,
    filling: Filling,
    folder: Path,
    profile: Profile,
    seed: int,
    examples: int,
    links: Collection[str] = (),
) -> Run:
    """Run the profile's phases and all checks against `target`; reports go to `folder`.

    `links` (`POST /path -> [201] name`) are those that the profile `links` follows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "schemathesis.toml"
    config.write_text(_config(target, filling.values, folder=folder, profile=profile, seed=seed, examples=examples))
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(config),
        "run",
        str(_write_contract(contract, folder, profile=profile, links=links)),
        "--url",
        target.url,
        *_SELECTION[profile],
        "--report",
        "junit,html,json,ndjson",
        "--report-dir",
        str(folder),
        "--report-junit-path",
        str(folder / "junit.xml"),
        "--report-json-path",
        str(folder / "report.json"),
        "--report-ndjson-path",
        str(folder / "events.ndjson"),
        "--report-html-path",
        str(folder / "html"),
        "--no-color",
    ]
    environ = {
        **os.environ,
        "CONFORMANCE_API_KEY": target.api_key,
        "CONFORMANCE_USER": subject_of(target.admin_token) or "",
        "CONFORMANCE_TOKEN": target.admin_token,
        "CONFORMANCE_CA_FILE": "" if target.ca_file is None else str(target.ca_file.resolve()),
    }
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr, _read_summary(folder), _read_events(folder))


def without_streams_and_forms(contract: dict[str, Any]) -> dict[str, Any]:
    """A copy of the contract without its streams and its forms, and without what needs an import.

    The fuzzer would wait for the ends of streams, and names none in `Accept`. Of forms it has neither the credentials
    nor the rules: their unknown parameters are ignored (RFC 6749 section 3.2).
    """
    rest = copy.deepcopy(contract)
    for operation in operations(contract, Operation):
        if operation.is_stream or operation.takes_form or operation.takes_token or operation.needs_import:
            del rest["paths"][operation.path]
    return rest


def _write_contract(judged: Contract, folder: Path, *, profile: Profile, links: Collection[str]) -> Path:
    """The contract as a file, with the links that the profile follows."""
    path = folder / "openapi.json"
    contract = without_streams_and_forms(judged.document)
    for address, item in contract["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                if profile == "chains" and address in _BEGINS_BY_ITSELF:
                    answer.pop("links", None)
                if profile == "links":
                    place = f"{method.upper()} {address} -> [{status}]"
                    found = answer.pop("links", {}).items()
                    answer["links"] = {name: link for name, link in found if f"{place} {name}" in links}
                for link in answer.get("links", {}).values():
                    if body := link_body(link):  # Schemathesis evaluates expressions inside of an object
                        link["requestBody"] = body
    if profile == "links":
        _leave_out_what_no_link_gives(contract)
    path.write_text(json.dumps(contract))
    return path


def _leave_out_what_no_link_gives(contract: dict[str, Any]) -> None:
    """Take out the optional query parameters that no link names: drawn ones hide that a link leads to a success.

    A cursor of no list is refused, and so is one beside a page. The profile `main` draws them.
    """
    given = {
        (link["operationId"], name)
        for source in operations(contract, Operation)
        for answer in source.responses.values()
        for link in answer.get("links", {}).values()
        for name in link.get("parameters", {})
    }
    for operation in operations(contract, Operation):
        contract["paths"][operation.path][operation.method.lower()]["parameters"] = [
            parameter
            for parameter in operation.parameters
            if parameter["in"] != "query" or parameter.get("required") or (operation.id, parameter["name"]) in given
        ]


def _config(
    target: Target, values: dict[str, list[str]], *, folder: Path, profile: Profile, seed: int, examples: int
) -> str:
    """The configuration. The traps it avoids: links are by hand (inference off), the tenant is drawn, not pinned,
    no database and no cache of earlier runs, and no `[auth]` beside the hooks, which would silence them."""
    lines = [f"seed = {seed}", "continue-on-failure = true", f"request-timeout = {_LONGEST_RESPONSE_SECONDS}", ""]
    lines.insert(0, f"hooks = {json.dumps(str(_CONDITIONS if profile == 'isolation' else _HOOKS))}")
    if target.ca_file is not None:
        lines.insert(0, f"tls-verify = {json.dumps(str(target.ca_file.resolve()))}")
    if profile == "isolation":
        lines += ["[auth.wfc]", f"path = {json.dumps(_write_identities(target, folder))}"]
        lines += [f"peers = {json.dumps([target.tenant, target.second_tenant])}", ""]
    for name, items in values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(items)}", ""]
    lines.append("[parameters]")
    for parameter, (dictionary, probability) in _BOUND.items():
        lines.append(f'"{parameter}" = {{ dictionary = "{dictionary}", probability = {probability} }}')
    lines += ["", "[checks]", "enabled = true", "", "[phases.stateful.inference]", "algorithms = []", ""]
    lines += ["[generation]", 'database = "none"', f"max-examples = {examples}", "allow-x00 = false", ""]
    lines += ["[cache]", "enabled = false", ""]
    for operation in _OUTLIVES_DELETION:
        lines += ["[[operations]]", f"include-name = {json.dumps(operation)}"]
        lines += ["checks.use_after_free.enabled = false", ""]
    for operation in _JUDGES_BY_MORE_THAN_FORM:
        lines += ["[[operations]]", f"include-name = {json.dumps(operation)}"]
        if operation in _NAMES_ANOTHER_THING:
            lines += ["checks.ensure_resource_availability.enabled = false"]
        more = "".join(f"{status}, " for status in _DEPENDS_ON_WHAT_IS_THERE.get(operation, ()))
        statuses = f'["2xx", 400, 401, 403, 404, {more}"5xx"]'
        lines += [f"checks.positive_data_acceptance.expected-statuses = {statuses}", ""]
    lines += ["[[operations]]", 'include-name = "GET /internal/events"']  # a cursor may be of another database
    lines += ['checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 410, "5xx"]']
    lines += ['parameters = { "query.after" = { dictionary = "cursors", probability = 0.9 } }', ""]
    return "\n".join(lines)


def _write_identities(target: Target, folder: Path) -> str:
    """The two tenants' identities, as a Web Fuzzing Commons file."""
    callers = ((target.tenant, target.admin_token), (target.second_tenant, target.second_admin_token))
    identities = [
        {
            "name": tenant,
            "fixedHeaders": [
                {"name": "X-API-Key", "value": target.api_key},
                {"name": "X-Tenant-ID", "value": tenant},
                {"name": "Authorization", "value": f"Bearer {token}"},
            ],
        }
        for tenant, token in callers
    ]
    path = folder / "identities.json"
    path.write_text(json.dumps({"auth": identities}))
    return str(path)


def _read_summary(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    summary: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return summary


def _read_events(folder: Path) -> list[dict[str, Any]]:
    path = folder / "events.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
