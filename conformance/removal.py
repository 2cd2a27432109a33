"""What checks let administrators make, and how it is removed after them: a tenant may have only so many of it."""

from contextlib import suppress

from sojourn.conformance.contract import Contract
from sojourn.conformance.wire import Raw, Reply, Wire

_REMOVED_BY = {
    "create_webhook": ("remove_webhook", "webhook_id", "id"),
    "create_logout_client": ("remove_logout_client", "client_id", "client_id"),
    "create_api_key": ("revoke_api_key", "key_id", "id"),
}
"""The operation that removes what an operation makes, its parameter, and the member that has the value for it."""
_OF_THE_RUN = ("create_api_key",)
"""What they make is used by several checks: it goes at the end of the run."""
_CALLER = ("authorization", "x-api-key", "x-tenant-id")
_SECONDS = 10


class Leftovers:
    """What was made and is to be removed: each as the request that does it, and the way to its server."""

    def __init__(self, contract: Contract) -> None:
        operations = contract.left_out | contract.operations
        self._removed_by = {
            (operations[name].method, operations[name].path): (name, operations[remove], parameter, member)
            for name, (remove, parameter, member) in _REMOVED_BY.items()
            if name in operations and remove in operations
        }
        self._of_check: dict[Raw, Wire] = {}
        self._of_run: dict[Raw, Wire] = {}

    def note(self, request: Raw, reply: Reply, *, wire: Wire) -> None:
        """Keep in mind what a request made, if it made something of the kind. `wire` is the way to its server."""
        found = self._removed_by.get((request.method, request.path))
        if found is None or reply.status != 201:
            return
        name, remove, parameter, member = found
        with suppress(AssertionError, LookupError, TypeError):  # a wrong response is for the check to find
            removal = remove.request({parameter: reply.json[member]})
            for header, value in request.headers:
                if header.lower() in _CALLER:
                    removal = removal.with_header(header, value)
            (self._of_run if name in _OF_THE_RUN else self._of_check)[removal] = wire

    def remove(self, *, at_the_end: bool = False) -> None:
        """Remove what the check made that has ended; at the end of the run everything.

        These requests are no part of the traffic: no check sent them, and they prove nothing about the server. What
        was removed meanwhile is not there, which is fine.
        """
        for found in (self._of_check, self._of_run) if at_the_end else (self._of_check,):
            for removal, wire in found.items():
                with suppress(OSError):
                    wire.exchange(removal, _SECONDS)
            found.clear()
