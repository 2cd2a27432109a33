"""What Schemathesis is told beyond the contract: credentials, and checks of ours.

Loaded by the runner through `hooks` in its configuration; credentials come from the environment.
"""

import os
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis

from sojourn.conformance.fuzzing import conditions  # noqa: F401 - registers its hook

_WITHOUT_BEARER = "/(refresh|rotate-access)$"
"""Their credential is the refresh token in the body; a bearer token beside it would have to be of that session."""
_REFUSES_ALL_OF_A_USER = ("/admin/tokens/revoke-all", "/internal/session/erase-user-data")
_EXPENDABLE_USER = "usr_expendable"
_REFUSED = (400, 401, 403, 404, 405, 406, 414, 415, 431)


@schemathesis.auth().apply_to(path_regex=r"^/internal/")
class ApiKey:
    """The API key of the run."""

    def get(self, case: Any, context: Any) -> str:
        """Read once, kept by the runner."""
        return os.environ["CONFORMANCE_API_KEY"]

    def set(self, case: Any, data: str, context: Any) -> None:
        """Put it where the contract says."""
        case.headers["X-API-Key"] = data


@schemathesis.auth().apply_to(path_regex=rf"^/(admin|api|sessions|tokens|trusted-devices)(?!{_WITHOUT_BEARER})")
class Bearer:
    """The administrator's token of the run."""

    def get(self, case: Any, context: Any) -> str:
        """Read once, kept by the runner."""
        return os.environ["CONFORMANCE_TOKEN"]

    def set(self, case: Any, data: str, context: Any) -> None:
        """Put it where the contract says."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Spare the run's own token: all tokens of a tenant, or of the run's user, are never refused at once."""
    if case.operation.path not in _REFUSES_ALL_OF_A_USER or not isinstance(case.body, dict):
        return
    means_everybody = "user_id" not in case.body and case.operation.path == "/admin/tokens/revoke-all"
    if means_everybody or case.body.get("user_id") == os.environ["CONFORMANCE_USER"]:
        case.body["user_id"] = _EXPENDABLE_USER


@schemathesis.check
def problem_details(context: Any, response: Any, case: Any) -> None:
    """Every refusal is a problem document whose status is the answer's own (RFC 9457)."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    media_type = (response.headers.get("content-type") or [""])[0].split(";")[0]
    assert media_type == "application/problem+json", f"a refusal of type {media_type!r}"
    assert response.json()["status"] == response.status_code


@schemathesis.check
def unknown_parameters_are_refused(context: Any, response: Any, case: Any) -> None:
    """A query parameter that the contract does not declare is refused, never ignored."""
    if response.request.method != case.operation.method.upper():
        return
    sent = {name for name, _ in parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)}
    if sent - {parameter.name for parameter in case.operation.query}:
        assert response.status_code in _REFUSED, f"accepted {sorted(sent)}"


@schemathesis.check
def filters_are_honoured(context: Any, response: Any, case: Any) -> None:
    """A list holds what was asked for and no more than a page of it."""
    if response.status_code != 200 or "pagination" not in (body := _json(response)):
        return
    query = dict(parse_qsl(urlsplit(response.request.url).query))
    for name in ("user_id", "status"):
        if name in query and all(name in item for item in body["items"]):
            assert {item[name] for item in body["items"]} <= {query[name]}, f"{name} is not honoured"
    size = body["pagination"]["page_size"]
    assert len(body["items"]) <= size == int(query.get("page_size", query.get("limit", size)))
    assert body["total"] == body["pagination"]["total"]


@schemathesis.check
def what_was_written_is_echoed(context: Any, response: Any, case: Any) -> None:
    """A created session carries what it was created with."""
    if response.status_code != 201 or not isinstance(case.body, dict):
        return
    answer = _json(response)
    session = answer.get("data", answer).get("session", {})
    names = {"auth_user_id": "user_id", "device_id": "device_id", "ip": "ip", "user_agent": "user_agent"}
    for sent, shown in names.items():
        if sent in case.body:
            assert session.get(shown) == case.body[sent], f"{sent} was not kept"


def _json(response: Any) -> dict[str, Any]:
    media_type = (response.headers.get("content-type") or [""])[0]
    if not media_type.startswith("application/json"):
        return {}
    body = response.json()
    return body if isinstance(body, dict) else {}
