"""Tokens of this service and of a configured issuer: signing them, and checking whether they are valid.

A signature is checked once and remembered; whether the database has a reason to refuse a token is read on every
request, so a revoked session's tokens are refused at the next one.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import jwt

from sojourn.authentication import audit_heads
from sojourn.authentication.api_keys import ApiKey
from sojourn.authentication.bearer_tokens import BearerTokens, digest_of
from sojourn.authentication.compact import require_compact
from sojourn.authentication.logout_tokens import LogoutTokens
from sojourn.authentication.refresh_limit import RefreshLimit
from sojourn.authentication.security_event_tokens import SecurityEventTokens
from sojourn.authentication.signing_keys import LOGOUT_TOKEN_TYPE, STATUS_LIST_TYPE, TOKEN_TYPE, SigningKeys
from sojourn.authentication.vault import Vault
from sojourn.domain.clock import to_text
from sojourn.domain.durations import parse_duration
from sojourn.domain.errors import (
    DomainError,
    InvalidToken,
    NotYourResource,
    RefreshTokenInvalid,
    TokenExpired,
    Unavailable,
)
from sojourn.domain.ids import session_key
from sojourn.domain.refresh_tokens import RefreshKeys, RefreshToken, has_refresh_form, read_refresh_token
from sojourn.domain.token_identity import identity, text_identity
from sojourn.domain.token_lifetimes import Lifetimes
from sojourn.domain.token_validity import TokenFacts, facts_of_access, reasons
from sojourn.domain.tokens import AccessToken, PresentedToken, SignedToken, UnverifiedText
from sojourn.domain.values import Caller, Tenant, tenant
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.queries import epochs, procedures, token_records
from sojourn.storage.unit_of_work import UnitOfWork

logger = logging.getLogger("sojourn.authentication")

_WINDOW = timedelta(minutes=1)
_MAX_REMEMBERED = 10_000
_OPTIONS: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": True,
    "require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"],
}


class Tokens:
    """Signs access tokens and judges them; also what operations ask about refresh tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._others = BearerTokens(settings)
        self.logout = LogoutTokens(settings, self._others.signatures)
        self.signals = SecurityEventTokens(settings, self._others.signatures)
        self._remembered: dict[bytes, AccessToken] = {}
        self._limit = RefreshLimit(settings.refresh_limit, _WINDOW)
        self._database: Database | None = None
        self._vault: Vault | None = None
        self._keys: SigningKeys | None = None
        self._epoch: str | None = None
        self.lifetimes = Lifetimes(settings.access_expiry, settings.refresh_expiry, settings.jwt_leeway)
        self.reuse_interval = settings.refresh_reuse_interval
        self.issuer = settings.token_issuer
        self.audience = settings.token_audience

    async def open_vault(self) -> None:
        """Read the secret that protects refresh tokens and signing keys. Raises OSError."""
        self._vault = await asyncio.to_thread(Vault.open, self._settings)

    async def start(self, database: Database, now: datetime) -> None:
        """Make the first signing key, if none can sign `now`. Raises Unavailable when the database does not answer."""
        keys = SigningKeys(self._open_vault(), database)
        await keys.ensure(self._settings.token_algorithm, now)
        async with database.system() as unit:
            self._epoch = await epochs.present(unit)
        self._database, self._keys = database, keys

    @property
    def have_issuer_keys(self) -> bool:
        """Whether the key set of each configured issuer was read once."""
        return self._others.issuers.were_read

    def reload(self) -> None:
        """Read the issuers' key sets again now, whatever is known. Waits for nothing."""
        self._others.issuers.reload()

    async def authenticate_service(self, token: str, now: datetime) -> ApiKey | None:
        """What a machine's token stands for in the place of an API key; None where no subject is a service.

        Raises InvalidApiKey for a token that stands for none, Unavailable while the issuer's keys cannot be had.
        """
        return await self._others.service(token, now)

    def read_issuer_keys(self) -> None:
        """Begin to read the issuers' key sets in the background; what cannot be read is logged and tried again."""
        self._others.issuers.begin()

    def close(self) -> None:
        """Read no more key sets."""
        self._others.issuers.close()

    def refresh_keys(self, epoch: str | None) -> RefreshKeys:
        """The keys of the refresh tokens of an epoch."""
        return self._started()[1].refresh_keys(epoch)

    def readable_refresh_keys(self, epoch: str | None) -> tuple[RefreshKeys, ...]:
        """The keys of the refresh tokens that are good in an epoch, those that new ones are made with first."""
        return self._started()[1].readable_refresh_keys(epoch)

    def sign_head(self, head: bytes) -> str:
        """The end of an audit chain, signed."""
        return audit_heads.sign(self._open_vault().audit_key, head)

    def seal(self, name: str, plain: bytes) -> str:
        """`plain`, readable only with the secret that is kept outside the database, and under this name."""
        return self._open_vault().seal(name, plain)

    def unseal(self, name: str, sealed: str) -> bytes | None:
        """What was sealed under a name; None when it was sealed with another secret or is damaged."""
        return self._open_vault().unseal(name, sealed)

    def is_sealed_anew(self, name: str, sealed: str) -> bool:
        """Whether it was sealed with the present secret, not with the one before."""
        return self._open_vault().is_sealed_anew(name, sealed)

    def _open_vault(self) -> Vault:
        if self._vault is None:
            raise RuntimeError("the vault is opened first")
        return self._vault

    async def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        return await self._started()[2].key_set()

    async def sign(
        self, unit: UnitOfWork, claims: Mapping[str, Any], *, now: datetime, key_id: str | None
    ) -> SignedToken:
        """An access token (RFC 9068) with these claims; the issuer is added. `key_id`: the newest key that signs."""
        signer = await self._started()[2].signer(unit.system(), now, key_id=key_id)
        return SignedToken(signer.sign({"iss": self.issuer, **claims}), signer.kid)

    async def sign_status_list(self, claims: Mapping[str, Any], *, now: datetime) -> str:
        """A status list with these claims, signed by the key that signs tokens. Raises Unavailable."""
        return await self._sign_as(STATUS_LIST_TYPE, claims, now=now)

    async def sign_logout_token(self, claims: Mapping[str, Any], *, now: datetime) -> str:
        """A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) with these claims. Raises Unavailable."""
        return await self._sign_as(LOGOUT_TOKEN_TYPE, claims, now=now)

    async def _sign_as(self, kind: str, claims: Mapping[str, Any], *, now: datetime) -> str:
        database, _, keys = self._started()
        async with database.system() as unit:
            signer = await keys.signer(unit, now, key_id=None)
        return signer.sign({"iss": self.issuer, **claims}, kind)

    async def present(self, text: str, of: Tenant) -> PresentedToken:
        """What a text presented as a token is. A refresh token of another tenant than `of` counts as unknown. Raises
        Unavailable while the keys that are needed cannot be read.
        """
        refresh = await self._read_refresh(text)
        if refresh is not None and refresh.tenant == of.id:
            return refresh
        try:
            return await self._read(text)
        except InvalidToken:
            return UnverifiedText(text_identity(text))

    async def admit(self, refresh_token: str, bearer: Caller, *, of: Tenant | None, now: datetime) -> RefreshToken:
        """The refresh token that a request shows as its credential, counted against its session's limit.

        `bearer` and `of` are the caller and the tenant of a bearer token that came along; without one `of` is None. It
        may have expired and need not name a session, but it must not contradict. Raises RefreshTokenInvalid,
        NotYourResource, RateLimited, and Unavailable when it cannot be asked whether another epoch has begun.
        """
        token = await self._read_refresh(refresh_token)
        if token is None:
            raise RefreshTokenInvalid()
        if of is not None and of.id != token.tenant:
            raise NotYourResource()
        if session_key(bearer.session_id or "") not in (None, token.session):
            raise NotYourResource()
        self._limit.permit(token.tenant, token.session, now=now)
        return token

    async def judge(
        self,
        unit: UnitOfWork,
        token: AccessToken,
        *,
        now: datetime,
        audience: str | None = None,
        device_fingerprint: str | None = None,
    ) -> TokenFacts:
        """What is wrong with a token in the unit's tenant. A database that fails raises: never valid then.

        `audience` is whom the token must be for, this service unless said otherwise.

        The first use of a generation is recorded after the unit of work and before the response: from that response
        on, its parent is reuse.
        """
        if token.tenant != unit.tenant.id:
            return TokenFacts(tenant_mismatch=True)
        known = await token_records.record(unit, token, now=to_text(now))
        facts = facts_of_access(
            token,
            known,
            now=now,
            leeway=_leeway(known.leeway) if token.own and known.leeway is not None else self.lifetimes.leeway,
            audience=self.audience,
            wanted_audience=audience,
            device_fingerprint=device_fingerprint,
        )
        if token.generation is not None and token.generation == known.generation and not known.successor_used:
            unit.after_commit(partial(self._note_use, unit.tenant, token))
        return facts

    async def authenticate(self, token: str, now: datetime) -> tuple[Caller, Tenant]:
        """The caller and the tenant of a bearer token of our own API.

        Raises TokenExpired for a token that was good once, InvalidToken for any other that is refused, and
        Unavailable when what is needed to judge it cannot be asked.
        """
        access = await self._read(token)
        of = tenant(access.tenant)
        facts = await self._started()[0].read(of, lambda unit: self.judge(unit, access, now=now))
        wrong = reasons(facts, "bearer")
        if wrong:
            refusal = TokenExpired() if wrong == ("expired",) else InvalidToken()
            raise refusal.because(",".join(wrong), "token: " + ", ".join(wrong))
        return Caller(kind="user", id=access.user, roles=access.roles, session_id=access.sid, token=access), of

    async def authenticate_lapsed(self, token: str) -> tuple[Caller, Tenant]:
        """Whose bearer token it is, good or expired. Raises InvalidToken for a text that is none."""
        access = await self._read(token)
        return Caller("user", access.user, access.roles, access.sid), tenant(access.tenant)

    async def _read(self, token: str) -> AccessToken:
        """What a token says whose signature holds, remembered or verified now. Raises InvalidToken, Unavailable."""
        digest = digest_of(token)
        known = self._remembered.get(digest) or await self._others.recall(digest)
        if known is not None:
            return known
        require_compact(token)
        own = await self._verify_own(token)
        if own is None:
            return await self._others.read(token)
        if len(self._remembered) >= _MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = own
        return own

    async def _read_refresh(self, text: str) -> RefreshToken | None:
        """A refresh token of the present epoch. Whether another one has begun is asked when the MAC does not hold."""
        token = self._read_refresh_of(self._epoch, text)
        if token is not None or not has_refresh_form(text):
            return token
        async with self._started()[0].system() as unit:
            epoch = await epochs.present(unit)
        if epoch == self._epoch:
            return None
        self._epoch = epoch
        return self._read_refresh_of(epoch, text)

    def _read_refresh_of(self, epoch: str | None, text: str) -> RefreshToken | None:
        found = (read_refresh_token(keys, text) for keys in self.readable_refresh_keys(epoch))
        return next((token for token in found if token is not None), None)

    async def _verify_own(self, token: str) -> AccessToken | None:
        """The token, if one of our keys signed it. The key, not the token, says which algorithm it is for."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        kid = header.get("kid")
        if header.get("typ") != TOKEN_TYPE or not isinstance(kid, str) or "crit" in header or "b64" in header:
            return None
        key = await self._started()[2].public(kid)
        if key is None:
            return None
        try:
            claims = jwt.decode(token, key, algorithms=[str(key.algorithm_name)], options=_OPTIONS, issuer=self.issuer)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
            return None
        return _own(kid, token, claims=claims)

    async def _note_use(self, tenant: Tenant, token: AccessToken) -> None:
        """Record the first use of a generation. If that fails, the request goes on and the next use is recorded."""
        session, generation = token.session, token.generation
        if session is None or generation is None:
            return
        try:
            await self._started()[0].write(
                tenant, lambda unit: procedures.mark_used(unit, session, generation=generation)
            )
        except DomainError:
            logger.warning("the first use of a token could not be recorded; the next use will be")

    def _started(self) -> tuple[Database, Vault, SigningKeys]:
        if self._database is None or self._vault is None or self._keys is None:
            raise Unavailable()
        return self._database, self._vault, self._keys


def _own(kid: str, token: str, *, claims: dict[str, Any]) -> AccessToken:
    """A token that one of our keys signed: we wrote its claims, so they have our form."""
    sid = claims.get("sid")
    return AccessToken(
        own=True,
        kid=kid,
        hash=identity(token),
        text_hash=text_identity(token),
        tenant=claims["tenant_id"],
        user=claims["sub"],
        sid=sid,
        session=None if sid is None else session_key(sid),
        roles=frozenset(claims.get("roles", ())),
        issued=float(claims["iat"]),
        not_before=float(claims.get("nbf", 0)),
        expires=float(claims["exp"]),
        claims=claims,
    )


@lru_cache(maxsize=1024)
def _leeway(duration: str) -> timedelta:
    """A tenant's own leeway; the same few are asked for with every request."""
    return parse_duration(duration)
