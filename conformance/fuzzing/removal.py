"""Removes the webhooks and logout clients that generated requests made, once the run of Schemathesis ends."""

import atexit
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import schemathesis

from sojourn.conformance.wire import Raw, Wire

_NAMED_BY = {"/admin/webhooks": "id", "/admin/logout-clients": "client_id"}
"""Where they are made, and the member of the response that names one."""
_CALLER = ("Authorization", "X-API-Key", "X-Tenant-ID")
_SECONDS = 10
_MADE: dict[Raw, Wire] = {}
"""The requests that remove what was made, each with the way to its server."""


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Keep in mind what was made, and by whom."""
    if response.status_code != 201 or case.operation.path not in _NAMED_BY:
        return
    with suppress(ValueError, LookupError, TypeError):  # a wrong response is found by the checks
        name = str(json.loads(response.content)[_NAMED_BY[case.operation.path]])
        sent = response.request
        headers = tuple((header, str(sent.headers[header])) for header in _CALLER if header in sent.headers)
        parts = urlsplit(sent.url)
        removal = Raw("DELETE", f"{parts.path}/{quote(name, safe='')}", headers=headers)
        authorities = os.environ.get("CONFORMANCE_CA_FILE")
        trusted = Path(authorities) if authorities else None
        _MADE[removal] = Wire(f"{parts.scheme}://{parts.netloc}", authorities=trusted)


@atexit.register
def remove() -> None:
    """Remove it. Some was removed meanwhile, which is fine."""
    for removal, wire in _MADE.items():
        with suppress(OSError):
            wire.exchange(removal, _SECONDS)
