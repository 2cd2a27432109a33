"""Rules for the expiry of a token over a whole run: it moves only with its session, and only forwards."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sojourn.conformance.histories import View, views
from sojourn.conformance.instants import instant
from sojourn.conformance.target import claims_of
from sojourn.conformance.traffic import Exchange

_JWT = re.compile(rb"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
WHOLE_SECONDS = timedelta(seconds=1)
"""By how much an instant with a fraction may be past one that has none."""


class Mentions:
    """Which exchanges a session had a part in, and the tokens that were seen, by their ids."""

    def __init__(self, traffic: Iterable[Exchange]) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self._of_session: dict[str, list[Exchange]] = {}
        for exchange in traffic:
            self._note(exchange)

    def _note(self, exchange: Exchange) -> None:
        request, reply = exchange.request, exchange.reply
        text = request.target.encode() + b"\n" + (request.body or b"") + b"\n" + reply.body
        head = b"\n".join(value.encode("latin-1") for name, value in request.headers if name == "Authorization")
        named = {found.decode() for found in re.findall(rb"sess_[\w-]+", text)}
        for token in set(_JWT.findall(text + b"\n" + head)):
            claims = claims_of(token.decode())
            if isinstance(claims.get("jti"), str) and token in reply.body:
                self.tokens[claims["jti"]] = claims
            named.add(str(claims.get("sid")))
        for session in named:
            self._of_session.setdefault(session, []).append(exchange)

    def between(self, session: str, *, first: View, last: View) -> bool:
        """Whether the session had a part in anything from the first view to the last."""
        began, ended = first.exchange.sent, last.exchange.received
        there = (first.exchange, last.exchange)
        return any(
            began <= item.received and item.sent <= ended
            for item in self._of_session.get(session, ())
            if item not in there
        )


def what_a_tokens_end_does(traffic: Iterable[Exchange]) -> Iterator[str]:
    """A token's end goes back, is beyond the `exp` of the token, or moves although its session did nothing."""
    exchanges = list(traffic)
    mentions = Mentions(exchanges)
    for key, seen in views(exchanges).items():
        if not key.startswith("tok_"):
            continue
        claims = mentions.tokens.get(key, {})
        told = [view for view in seen if _end(view) is not None]
        yield from _beyond(key, told, claims=claims)
        for first, last in pairwise(told):
            was, now = _end(first), _end(last)
            if was is None or now is None or first.exchange.received > last.exchange.sent or was == now:
                continue
            if now < was:
                yield f"the end of {key[:12]}… went back from {was.isoformat()} to {now.isoformat()} in {last.told_by}"
            elif "sid" in claims and not mentions.between(str(claims["sid"]), first=first, last=last):
                yield f"the end of {key[:12]}… moved in {last.told_by}, and nothing was asked of its session"


def _beyond(key: str, told: list[View], *, claims: dict[str, Any]) -> Iterator[str]:
    if not isinstance(claims.get("exp"), int | float):
        return
    own = datetime.fromtimestamp(claims["exp"], UTC)
    for view in told:
        end = _end(view)
        if end is not None and end > own + WHOLE_SECONDS:
            yield f"{key[:12]}… ends at {end.isoformat()} in {view.told_by}, the token itself at {own.isoformat()}"


def _end(view: View) -> datetime | None:
    try:
        return instant(str(view.members["expires_at"]))
    except (KeyError, ValueError):
        return None
