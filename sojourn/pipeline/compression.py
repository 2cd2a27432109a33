"""Content coding: large responses are compressed for clients that accept it, where the contract says so.

What is the same for everybody is compressed once, in a thread, at the first such request. Responses with data of a
caller are never compressed, because their length would reveal their content (CRIME, BREACH). Snapshots for verifiers
are, each time: nobody but a service with an API key can ask for one, and nothing in a request comes back in it.
"""

import asyncio
import gzip
from collections import OrderedDict

from sojourn.domain.short_texts import short_texts
from sojourn.pipeline.fields import list_members, with_parameters

GZIP = b"gzip"
LEAST_BYTES = 1024
"""A smaller response fits into one packet as it is."""
_LEVEL, _FAST = 6, 1


@short_texts(maxsize=1024)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` takes gzip (RFC 9110 §12.5.3): by its name, or by `*` where its name is not there."""
    named: dict[str, bool] = {}
    for member in list_members(accept_encoding):
        name, parameters = with_parameters(member)
        named["gzip" if name == "x-gzip" else name] = not any(_is_zero(parameter) for parameter in parameters)
    return named.get("gzip", named.get("*", False))


def _is_zero(parameter: tuple[str, str] | None) -> bool:
    return parameter is not None and parameter[0] == "q" and parameter[1].strip("0.") == ""


class Compressed:
    """Compressed forms of the latest answers, at most `size` of them."""

    def __init__(self, size: int = 128) -> None:
        self._size = size
        self._forms: OrderedDict[bytes, asyncio.Future[bytes]] = OrderedDict()

    async def form(self, body: bytes) -> bytes:
        """The body in gzip. One that is just being made is waited for."""
        form = self._forms.get(body)
        if form is None:
            form = self._forms[body] = asyncio.ensure_future(asyncio.to_thread(_compress, body))
            if len(self._forms) > self._size:
                self._forms.popitem(last=False)
        self._forms.move_to_end(body)
        return await asyncio.shield(form)


async def compress_once(body: bytes) -> bytes:
    """The body in gzip, made fast and not kept."""
    return await asyncio.to_thread(_compress, body, _FAST)


def _compress(body: bytes, level: int = _LEVEL) -> bytes:
    return gzip.compress(body, level, mtime=0)
