"""One session's life through the generated client: created, listed, checked, revoked, and a refusal read.

Usage: `python round_trip.py URL API_KEY BEARER_TOKEN USER`, with the generated package on the path. Raises when an
answer is not of the type that the contract promises.
"""

import sys
from typing import TypeVar

from sojourn_client import AuthenticatedClient
from sojourn_client.api.internal_sessions import check_user_active, create_session, list_user_sessions
from sojourn_client.api.sessions import get_session, revoke_session
from sojourn_client.models import (
    ActiveSessionStatus,
    CreateSessionDataResponse,
    CreateSessionRequest,
    GetSessionData,
    Problem,
    RevokeSessionRequest,
    SessionListResponse,
)

T = TypeVar("T")


def of_type(expected: type[T], answer: object) -> T:
    """The answer, known to be of the type expected."""
    if not isinstance(answer, expected):
        raise TypeError(f"{expected.__name__} expected, got {answer!r}")
    return answer


def main(url: str, api_key: str, token: str, user: str) -> None:
    """The round trip."""
    service = AuthenticatedClient(base_url=url, token=api_key, prefix="", auth_header_name="X-API-Key")
    person = AuthenticatedClient(base_url=url, token=token)

    body = CreateSessionRequest(auth_user_id=user, device_type="desktop")
    created = create_session.sync(client=service, body=body, x_tenant_id="acme")
    session = of_type(CreateSessionDataResponse, created).data.session

    page = list_user_sessions.sync(user, client=service, x_tenant_id="acme", page_size=5)
    assert [item.id for item in of_type(SessionListResponse, page).items] == [session.id]

    def is_active() -> bool:
        answer = check_user_active.sync(user, client=service, x_tenant_id="acme")
        return of_type(ActiveSessionStatus, answer).active

    assert is_active()
    assert of_type(GetSessionData, get_session.sync(session.id, client=person)).session.status == "active"

    revoked = revoke_session.sync_detailed(session.id, client=person, body=RevokeSessionRequest(reason="signed out"))
    assert revoked.status_code == 204
    assert not is_active()

    refused = list_user_sessions.sync(user, client=service, x_tenant_id="acme", page=0)
    assert of_type(Problem, refused).code == 30100001

    print("created, listed, checked, revoked", session.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
