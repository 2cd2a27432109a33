"""A header that Schemathesis cannot fill, whoever it calls as. Loaded by the runner, alone or from `hooks`."""

from typing import Any

import schemathesis

_CONDITION = "If-None-Match"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Leave the header out where no valid value of it was found.

    Schemathesis then fills an optional header with 0 and calls the request valid.
    """
    if case.headers and case.headers.get(_CONDITION) == "0" and case.meta and case.meta.generation.mode.is_positive:
        del case.headers[_CONDITION]
