"""Rules beside those of `sojourn.conformance.probes`: what other chapters of conformance check, and limits of this
server."""

import json
from collections.abc import Iterator

from sojourn.conformance.contract import Operation
from sojourn.conformance.probes import CANARY, Probe
from sojourn.conformance.wire import Raw
from sojourn.openapi.document import METHODS


def methods(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Methods that the path does not have; paths that are nearly right."""
    for method in METHODS:
        if method.upper() not in operation.path_methods:
            yield Probe(method, valid.copy(method=method.upper(), body=None), (405,))
    yield Probe("a trailing slash", valid.copy(path=valid.path + "/"), (404,))
    yield Probe("a doubled slash", valid.copy(path="/" + valid.path), (404,))
    letters = [index for index, letter in enumerate(valid.path) if letter.isalpha()]
    for first in letters[:1]:
        other_case = valid.path[:first] + valid.path[first].upper() + valid.path[first + 1 :]
        yield Probe("another case", valid.copy(path=other_case), (404,))


def credentials(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Without credentials, or with wrong ones: 401, whatever else is wrong."""
    if operation.scheme is None:
        return
    bare = valid.without("X-API-Key", "Authorization").copy(query=(("colour", "1"),))
    yield Probe("no credentials", bare, (401,))
    if operation.scheme == "apiKey":
        for key in ("wrong", "\xff", CANARY * 20, "sj_x_y"):
            yield Probe("a wrong key", bare.with_header("X-API-Key", key), (401,))
        return
    for value in ("Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", f"Bearer {CANARY}", "Bearer \xff", "bearer a b"):
        yield Probe("a wrong token", bare.with_header("Authorization", value), (401,))
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."
    yield Probe("an unsigned token", bare.with_header("Authorization", f"Bearer {unsigned}"), (401,))


def own_limits(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A little more than this server allows, where every server refuses much more."""
    yield Probe("a long URI", valid.copy(query=(*valid.query, ("colour", "a" * 9000))), (414,))
    if valid.body is not None:
        big = json.dumps({"auth_user_id": "a" * 70_000}).encode()
        yield Probe("a large body", valid.copy(body=big), (413,))
        yield Probe("a large body in chunks", valid.copy(body=big, chunked=True), (413,))
