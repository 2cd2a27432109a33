"""Metadata of the OAuth forms: where they are and what they take."""

from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import EXCHANGE_GRANT

_CLIENTS_AUTHENTICATE_BY = ["client_secret_basic", "client_secret_post"]


def oauth_metadata(url: str) -> View:
    """`OAuthMetadata` (RFC 8414 §2) of a service whose public URL this is.

    `response_types_supported` is required and must not be empty (§3.2); `none` is what a server without an
    authorization endpoint can say.
    """
    return {
        "issuer": url,
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "token_endpoint": f"{url}/oauth/token",
        "introspection_endpoint": f"{url}/oauth/introspect",
        "revocation_endpoint": f"{url}/oauth/revoke",
        "response_types_supported": ["none"],
        "grant_types_supported": ["refresh_token", EXCHANGE_GRANT],
        "token_endpoint_auth_methods_supported": _CLIENTS_AUTHENTICATE_BY,
        "introspection_endpoint_auth_methods_supported": _CLIENTS_AUTHENTICATE_BY,
        "revocation_endpoint_auth_methods_supported": _CLIENTS_AUTHENTICATE_BY,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "service_documentation": f"{url}/docs",
    }
