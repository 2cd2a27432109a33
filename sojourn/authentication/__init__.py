"""Who is calling: API keys of internal services, bearer tokens of users."""

from sojourn.authentication.api_keys import ApiKey, ApiKeys
from sojourn.authentication.bearer_tokens import BearerTokens, issue_token
from sojourn.authentication.tokens import Tokens

__all__ = ["ApiKey", "ApiKeys", "BearerTokens", "Tokens", "issue_token"]
