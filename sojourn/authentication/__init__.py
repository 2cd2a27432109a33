"""Who is calling: API keys of internal services, bearer tokens of users."""

from sojourn.authentication.api_keys import ApiKey, ApiKeys, MintedKey, mint_api_key
from sojourn.authentication.bearer_tokens import BearerTokens, issue_token

__all__ = ["ApiKey", "ApiKeys", "BearerTokens", "MintedKey", "issue_token", "mint_api_key"]
