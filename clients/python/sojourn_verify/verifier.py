"""The verifier: a token in, a session out, or the reason why not."""

import asyncio
import os
import ssl
import threading
import weakref
from datetime import timedelta
from types import TracebackType
from typing import Self

from sojourn_verify import tokens
from sojourn_verify.clocks import ServiceClock, steady
from sojourn_verify.feed import Feed
from sojourn_verify.judgement import ASK, Terms, judge
from sojourn_verify.keys import KeySet
from sojourn_verify.outcomes import Session, Stale, refusal
from sojourn_verify.service import Service, Unreachable
from sojourn_verify.tokens import Memory, Token

AUDIENCE = "sojourn"
"""The audience of the service's tokens where it was not set otherwise."""


class Verifier:
    """Verifies access tokens of one service, by any number of threads and event loops at once.

    It begins with the first verification, or with `start`, and ends with `close`; as a context manager it does both.
    `api_key` needs the scopes `events` and `tokens`. `max_staleness` is for how many seconds the service may not be
    heard before everything is `Stale`. `tenant` is the one tenant whose tokens are accepted, None for all that the key
    covers. `leeway` is by how many seconds the clocks of machines may differ; it is the service's own by default.
    `issuer` is what `iss` has to be; None: the keys say enough. `remembered` is how many tokens are remembered whose
    signature was verified.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        audience: str = AUDIENCE,
        max_staleness: float | timedelta = 10.0,
        tenant: str | None = None,
        leeway: float = 5.0,
        issuer: str | None = None,
        remembered: int = 10_000,
        key_cool_down: float = 30.0,
        timeout: float = 5.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        seconds = max_staleness.total_seconds() if isinstance(max_staleness, timedelta) else float(max_staleness)
        if seconds <= 0:
            raise ValueError("max_staleness must be more than 0 seconds")
        self._terms = Terms(audience, leeway, tenant, issuer)
        self._max_staleness, self._timeout, self._cool_down = seconds, timeout, key_cool_down
        self._where = url, api_key, ssl_context
        self._remembered = remembered
        self._lock = threading.Lock()
        self._is_closed = self._is_started = False
        self._prepare()
        _alive.add(self)

    def _prepare(self) -> None:
        """Everything that belongs to one process."""
        url, api_key, context = self._where
        self._service = Service(url, api_key, tenant=self._terms.tenant, timeout=self._timeout, ssl_context=context)
        self._clock = ServiceClock()
        self._keys = KeySet(self._service, cool_down=self._cool_down)
        self._memory = Memory(self._remembered)
        self._feed = Feed(
            self._service, self._keys, self._clock, memory=self._memory, max_staleness=self._max_staleness
        )
        self._ended_here: dict[tuple[str, str], float] = {}
        self._checks = self._refused = self._stale = self._asked = 0

    def _begin_in_child(self) -> None:
        """Threads do not survive a fork: the child process begins anew."""
        self._lock = threading.Lock()
        self._is_started = False
        self._prepare()

    def start(self) -> None:
        """Begin to follow the service, in a daemon thread. Waits for nothing, and may be called again."""
        with self._lock:
            if not self._is_started and not self._is_closed:
                self._feed.start()
                self._is_started = True

    def close(self) -> None:
        """End the thread and the connections. Every verification is `Stale` from then on."""
        with self._lock:
            self._is_closed = True
        self._feed.fresh_until = float("-inf")
        self._feed.close()
        self._feed.fresh_until = float("-inf")
        self._service.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def verify(self, token: str, *, online: bool = False, device_fingerprint: str | None = None) -> Session:
        """The session of an access token that is good now. Raises a `Refused`, or `Stale`.

        `online`: the service is asked about this token in any case, which also knows the idle deadline of the session
        and whether `device_fingerprint` is the device's.
        """
        known = self._memory.get(token)
        if known is not None and not online and self._is_still_good(known):
            self._checks += 1
            return known.session
        return self._verify(token, online=online, device_fingerprint=device_fingerprint)

    async def averify(self, token: str, *, online: bool = False, device_fingerprint: str | None = None) -> Session:
        """The same in an event loop, which is held up by no request."""
        known = self._memory.get(token)
        if known is not None and not online and self._is_still_good(known):
            self._checks += 1
            return known.session
        if not online and self._needs_no_request(token):
            return self._verify(token, online=False, device_fingerprint=None)
        return await asyncio.to_thread(self._verify, token, online=online, device_fingerprint=device_fingerprint)

    def refuse(self, tenant: str, session_id: str) -> None:
        """Refuse the tokens of a session from now on, before the feed says that it ended.

        Call it when the service has confirmed that you ended the session. It is remembered for `max_staleness`
        seconds. After that the feed has said it, or everything is `Stale`.
        """
        now = steady()
        for key in [key for key, until in list(self._ended_here.items()) if until <= now]:
            self._ended_here.pop(key, None)
        self._ended_here[tenant, session_id] = now + self._max_staleness
        self._memory.forget_session(tenant, session_id)

    def is_fresh(self) -> bool:
        """Whether the service was heard lately enough to accept tokens."""
        return steady() < self._feed.fresh_until

    def metrics(self) -> dict[str, float]:
        """What can be watched, as plain numbers. `feed_age_seconds` is infinite before the service was heard."""
        return {
            "feed_age_seconds": self._feed.age(),
            "checks": self._checks,
            "refused": self._refused,
            "stale": self._stale,
            "asked": self._asked,
            "refusals": len(self._feed.refusals),
            "remembered": len(self._memory),
            "resyncs": self._feed.resyncs,
            "key_fetches": self._keys.fetches,
        }

    def _is_still_good(self, known: Token) -> bool:
        now, feed = steady(), self._feed
        return (
            now < feed.fresh_until
            and known.version == feed.refusals.version
            and now + self._clock.offset < known.good_until
        )

    def _needs_no_request(self, token: str) -> bool:
        """Whether a token can be judged without waiting for the service. One that may have to be asked about cannot."""
        if not self._feed.has_heard.is_set():
            return False
        known = self._memory.get(token)
        if known is not None:
            return self._judged(known) != ASK
        kid = tokens.key_id(token)
        return (
            kid is None
            or kid in self._feed.refusals.keys
            or (self._keys.get(kid) is None and not self._keys.may_read())
        )

    def _verify(self, token: str, *, online: bool, device_fingerprint: str | None) -> Session:
        self._checks += 1
        try:
            self._require_fresh()
            known = self._read(token)
            version = self._feed.refusals.version
            reason = self._judged(known)
            if reason == ASK or (reason is None and online):
                reason = self._ask(token, known, device_fingerprint=device_fingerprint)
                known.asked_at = version if reason is None else -1
            self._require_fresh()
        except Unreachable as error:
            self._stale += 1
            raise Stale(str(error)) from None
        if reason is not None:
            self._refused += 1
            raise refusal(reason)
        known.good_until, known.version = known.claims["exp"] + self._terms.leeway, version
        return known.session

    def _judged(self, known: Token) -> str | None:
        if (
            self._ended_here
            and self._ended_here.get((known.claims["tenant_id"], known.claims.get("sid", "")), 0) > steady()
        ):
            return "session_revoked"
        return judge(
            known.kid,
            known.claims,
            known=self._feed.refusals,
            terms=self._terms,
            now=self._clock.now(),
            asked_at=known.asked_at,
        )

    def _require_fresh(self) -> None:
        """Raises Unreachable when the service was not heard for too long. The first time it is waited for."""
        feed = self._feed
        if steady() < feed.fresh_until:
            return
        if not feed.has_heard.is_set() and not self._is_closed:
            self.start()
            feed.has_heard.wait(self._timeout)
        if steady() >= feed.fresh_until:
            since = f"the service was not heard for {feed.age():.1f} s: " if feed.has_heard.is_set() else ""
            raise Unreachable(since + feed.trouble)

    def _read(self, token: str) -> Token:
        """The token, remembered or verified now. Raises Refused, Unreachable."""
        if (known := self._memory.get(token)) is not None:
            return known
        kid = tokens.key_id(token)
        if kid is None:
            raise self._no_token("invalid_token")
        key = self._keys.get(kid)
        if key is None and kid in self._feed.refusals.keys:
            raise self._no_token("key_retired")
        key = key or self._keys.look_for(kid)
        found = None if key is None else tokens.verified(token, kid, key)
        if found is None:
            raise self._no_token("invalid_token")
        self._memory.put(token, found)
        return found

    def _no_token(self, reason: str) -> Exception:
        self._refused += 1
        return refusal(reason)

    def _ask(self, token: str, known: Token, *, device_fingerprint: str | None) -> str | None:
        self._asked += 1
        return self._service.validate(
            token,
            tenant=known.claims["tenant_id"],
            audience=self._terms.audience,
            device_fingerprint=device_fingerprint,
        )


_alive: "weakref.WeakSet[Verifier]" = weakref.WeakSet()


def _begin_in_child() -> None:
    for verifier in list(_alive):
        verifier._begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
