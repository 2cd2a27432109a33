"""Who is calling: API keys of internal services, bearer tokens of users."""

from sojourn.authentication.api_keys import ApiKey, ApiKeys, MintedKey, mint_api_key
from sojourn.authentication.bearer_tokens import BearerTokens, issue_token
from sojourn.authentication.tokens import Tokens

__all__ = ["ApiKey", "ApiKeys", "BearerTokens", "MintedKey", "Tokens", "issue_token", "mint_api_key"]
