"""Content negotiation: the media type of the response, and whether that of the body can be read."""

import re

from sojourn.domain.short_texts import short_texts
from sojourn.pipeline.fields import list_members, with_parameters
from sojourn.problems.http_errors import NotAcceptable, UnsupportedMediaType

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SECURITY_EVENT = "application/secevent+jwt"
EVENT_STREAM = "text/event-stream"

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@short_texts(maxsize=1024)
def choose_media_type(accept: str, offers: tuple[str, ...]) -> str:
    """The offer that `Accept` likes best (RFC 9110 §12.5.1); the first offer wins a tie.

    Raises NotAcceptable when every offer is excluded.
    """
    ranges = [_media_range(member) for member in list_members(accept)]
    if not ranges and offers[0] != EVENT_STREAM:
        return offers[0]
    best = max(offers, key=lambda offer: _quality_of(offer, ranges))
    if _quality_of(best, ranges) == 0:
        raise NotAcceptable(offers=", ".join(offers))
    return best


def _media_range(member: str) -> tuple[str, float]:
    name, parameters = with_parameters(member)
    quality = 1.0
    for parameter in parameters:
        if parameter is not None and parameter[0] == "q" and _QUALITY.fullmatch(parameter[1]):
            quality = float(parameter[1])
    return name, quality


def _quality_of(offer: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers the offer; 0 when none does.

    A stream has to be named: a client that takes anything does not expect an answer without an end.
    """
    for candidate in (offer,) if offer == EVENT_STREAM else (offer, offer.partition("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == candidate:
                return quality
    return 0.0


@short_texts(maxsize=1024)
def check_content_type(content_type: str | None, content_encoding: str | None) -> None:
    """Accept JSON in UTF-8 without content coding, however it is spelled (RFC 9110 §8.3).

    Raises UnsupportedMediaType for anything else, a missing Content-Type included.
    """
    _require(JSON, content_type, content_encoding=content_encoding)


@short_texts(maxsize=1024)
def check_form_type(content_type: str | None, content_encoding: str | None) -> None:
    """The same for a form in UTF-8 (RFC 6749 appendix B)."""
    _require(FORM, content_type, content_encoding=content_encoding)


@short_texts(maxsize=64)
def check_security_event_type(content_type: str | None, content_encoding: str | None) -> None:
    """The same for a security event token (RFC 8935 §2.1)."""
    _require(SECURITY_EVENT, content_type, content_encoding=content_encoding)


def _require(media_type: str, content_type: str | None, *, content_encoding: str | None) -> None:
    if any(coding.lower() != "identity" for coding in list_members(content_encoding or "")):
        raise UnsupportedMediaType(accepted=media_type)
    name, parameters = with_parameters(content_type or "")
    if name != media_type:
        raise UnsupportedMediaType(accepted=media_type)
    for parameter in parameters:
        if parameter is None or (parameter[0] == "charset" and parameter[1].lower() not in ("utf-8", "utf8")):
            raise UnsupportedMediaType(accepted=media_type)
