"""Client authentication as OAuth 2.0 has it (RFC 6749 §2.3.1): the tenant is the client id, an API key its secret.

Both come by HTTP Basic, each encoded as a form's value, or as parameters of the form; never both ways at once.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

from sojourn.domain.errors import AuthenticationRequired, InvalidApiKey, ValidationFailed, Violation
from sojourn.domain.ids import TenantId, is_tenant_id
from sojourn.pipeline.parameters import Undecodable, percent_decode

_AUTHORIZATION = b"authorization"
_ID, _SECRET = "client_id", "client_secret"
CREDENTIALS = (_ID, _SECRET)
"""The parameters of a form that no handler is given."""


class Client(NamedTuple):
    """Who says to call: a tenant, and the API key that shows it."""

    tenant: TenantId
    secret: bytes


def client_of(headers: Mapping[bytes, bytes], form: Mapping[str, Any]) -> Client:
    """The credentials of a request. Raises AuthenticationRequired without any, InvalidApiKey for what none can be.

    Raises ValidationFailed where they come in both ways.
    """
    header = headers.get(_AUTHORIZATION)
    if header is None:
        if _SECRET not in form or _ID not in form:
            raise AuthenticationRequired()
        return _client(form[_ID], form[_SECRET])
    if _SECRET in form:
        raise ValidationFailed([Violation(_SECRET, "repeated_parameter")])
    client = _by_basic(header)
    if form.get(_ID, client.tenant) != client.tenant:
        raise InvalidApiKey().because("client", "client: the form names another one than the header")
    return client


def _by_basic(header: bytes) -> Client:
    scheme, _, text = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise AuthenticationRequired()
    try:
        name, colon, secret = base64.b64decode(text.strip(b" "), validate=True).partition(b":")
        if not colon:
            raise InvalidApiKey().because("form", "client: no colon in the credentials")
        return _client(percent_decode(name, plus_is_space=True), percent_decode(secret, plus_is_space=True))
    except (binascii.Error, Undecodable):
        raise InvalidApiKey().because("form", "client: the credentials cannot be read") from None


def _client(name: str, secret: str) -> Client:
    if not is_tenant_id(name) or not secret.isascii():
        raise InvalidApiKey().because("client", "client: the id is no tenant's, or the secret no API key")
    return Client(TenantId(name), secret.encode())
