"""A session that a browser can hold: what the adapters share.

The pair of tokens is in a cookie that only the application can read. It is refreshed once, however many requests arrive
together, and unsafe requests from other sites are refused.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from sojourn_verify.bearer import Reply, refused, reply_to
from sojourn_verify.outcomes import AssuranceRaised, Expired, Refused, Session, Stale
from sojourn_verify.sealed_cookies import Pair, SealedCookies
from sojourn_verify.verifier import Verifier

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_KEPT_SECONDS = 60.0
_KEPT_REFRESHES = 10_000
_MOST_REFRESHES = 8


class Incoming(NamedTuple):
    """What is needed of a request. `origin` is the application's own, such as `https://shop.example`."""

    method: str
    cookies: Mapping[str, str]
    headers: Mapping[str, str]
    origin: str


class BrowserSessions:
    """Keeps the sessions of an application's users in their browsers.

    `api_key` needs the scopes `sessions:write` and `tokens`. `secret` seals the cookies, `secrets_before` are those it
    replaces. `origins` are other origins that may send unsafe requests. `max_age` is for how many seconds a browser
    keeps the cookie, None until it is closed; the server decides how long a session lives.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        url: str,
        api_key: str,
        tenant: str,
        secret: str,
        secrets_before: Iterable[str] = (),
        origins: Iterable[str] = (),
        max_age: int | None = None,
    ) -> None:
        self.verifier, self.tenant = verifier, tenant
        self.cookies = SealedCookies((secret, *secrets_before), max_age=max_age)
        self._origins = frozenset(origins)
        headers = {"X-API-Key": api_key, "X-Tenant-ID": tenant}
        self._service = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=10)
        self._public = httpx.Client(base_url=url.rstrip("/"), timeout=10)
        self._lock = threading.Lock()
        self._refreshes: dict[bytes, tuple[float, Future[Pair | None]]] = {}

    def close(self) -> None:
        """Close the connections. The verifier is yours."""
        self._service.close()
        self._public.close()

    def open(self, request: Incoming) -> "BrowserSession | Reply":
        """The session of a request, which may be nobody's. A reply where it must not be served: 403, or 503."""
        pair = self.cookies.read(request.cookies)
        found = BrowserSession(self, request.cookies, pair)
        if pair is None:
            return found
        if request.method not in SAFE and not self._is_from_here(request):
            return refused("The request comes from another site.")
        try:
            found.session = self._session_of(found, pair)
        except Stale as error:
            return reply_to(error)
        return found

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The body of the server's response. Raises Stale when there is none, ValueError when the server refuses."""
        try:
            response = self._service.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Stale(f"{path}: {error or type(error).__name__}") from None
        if response.status_code >= 500 or response.status_code == 429:
            raise Stale(f"{path}: status {response.status_code}")
        if response.status_code >= 400:
            raise ValueError(f"{path}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    def _session_of(self, found: "BrowserSession", given: Pair) -> Session | None:
        """The session of a pair, or of those that follow it: a browser may send one that was replaced long ago."""
        pair: Pair | None = given
        for _ in range(_MOST_REFRESHES):
            if pair is None:
                break
            try:
                session = self.verifier.verify(pair.access)
            except (Expired, AssuranceRaised):
                pair = self._refreshed(pair.refresh)
            except Refused:
                pair = None
            else:
                if pair is not given:
                    found.keep(pair)
                return session
        found.keep(None)
        return None

    def _refreshed(self, refresh: str) -> Pair | None:
        """The next pair, asked for once; None when the session is over. Raises Stale."""
        digest, now = sha256(refresh.encode()).digest(), time.monotonic()
        with self._lock:
            for old in [key for key, (at, _) in self._refreshes.items() if at < now - _KEPT_SECONDS]:
                del self._refreshes[old]
            known = self._refreshes.get(digest)
            if known is None:
                if len(self._refreshes) >= _KEPT_REFRESHES:
                    del self._refreshes[next(iter(self._refreshes))]
                known = self._refreshes[digest] = now, Future()
                mine = True
            else:
                mine = False
        if mine:
            self._refresh(refresh, digest, known[1])
        return known[1].result(30)

    def _refresh(self, refresh: str, digest: bytes, result: "Future[Pair | None]") -> None:
        try:
            response = self._public.post("/sessions/refresh", json={"refresh_token": refresh})
            if response.status_code == 200:
                pair = response.json()
                result.set_result(Pair(pair["access_token"], pair["refresh_token"]))
            elif response.status_code in (400, 401, 403):
                result.set_result(None)
            else:
                raise Stale(f"the refresh: status {response.status_code}")
        except (httpx.HTTPError, Stale) as error:
            with self._lock:
                self._refreshes.pop(digest, None)
            result.set_exception(Stale(f"the refresh: {error or type(error).__name__}"))

    def _is_from_here(self, request: Incoming) -> bool:
        """By what browsers say of where a request comes from (Fetch Metadata); who says nothing is not from here."""
        origin = request.headers.get("Origin")
        if origin is not None and origin in self._origins:
            return True
        site = request.headers.get("Sec-Fetch-Site")
        return site == "same-origin" if site is not None else origin == request.origin


class BrowserSession:
    """Who sits at the browser, for one request. `session` is None for nobody. Its methods raise Stale, ValueError."""

    def __init__(self, sessions: BrowserSessions, cookies: Mapping[str, str], pair: Pair | None) -> None:
        self.session: Session | None = None
        self.set_cookies: list[str] = []
        self._sessions, self._present, self._pair = sessions, list(cookies), pair

    def sign_in(self, user_id: str, **about: Any) -> None:
        """Record that a user signed in here: a new session, whose tokens the browser gets.

        `about` are other members of `CreateSessionRequest`, such as `ip`, `user_agent`, `amr` and `role`. An earlier
        session of this browser ends.
        """
        if self.session is not None:
            self.sign_out()
        call = self._sessions.call
        created = call("POST", "/internal/session/create", {"auth_user_id": user_id, **about})["data"]["session"]
        wanted = {"session_id": created["id"], "tenant_id": self._sessions.tenant, "auth_user_id": user_id}
        tokens = call("POST", "/internal/session/generate-tokens", wanted)
        self.keep(Pair(tokens["access_token"], tokens["refresh_token"]))
        self.session = self._sessions.verifier.verify(tokens["access_token"])

    def sign_out(self) -> None:
        """End the session of this browser."""
        if self.session is not None and self.session.session_id is not None:
            self._sessions.call("DELETE", f"/internal/session/{self.session.session_id}", {"reason_code": "signed_out"})
        self._refuse()

    def sign_out_everywhere(self) -> None:
        """End all sessions of the user."""
        if self.session is not None:
            user = quote(self.session.subject, safe="")
            self._sessions.call("DELETE", f"/internal/session/session/user/{user}")
        self._refuse()

    def _refuse(self) -> None:
        """The service has ended the session: no copy of its tokens is accepted here any more."""
        if self.session is not None and self.session.session_id is not None:
            self._sessions.verifier.refuse(self.session.tenant, self.session.session_id)
        self.keep(None)

    def keep(self, pair: Pair | None) -> None:
        """Let the browser keep another pair, or none any more."""
        cookies = self._sessions.cookies
        self.set_cookies = cookies.clear(self._present) if pair is None else cookies.write(pair, self._present)
        self._pair = pair
        if pair is None:
            self.session = None
